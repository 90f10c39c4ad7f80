package linkstore

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"registrar/internal/registrar"
)

// The directory's memory is tested from inside: in a bubble of fake time, where
// no database can answer.

// source answers with the number of the question, or as told.
type source struct {
	mu     sync.Mutex
	asked  int
	fail   error
	takes  time.Duration
	panics bool
}

func (s *source) fetch(ctx context.Context, _ string) (int, error) {
	s.mu.Lock()
	s.asked++
	n, fail, takes, panics := s.asked, s.fail, s.takes, s.panics
	s.mu.Unlock()
	if panics {
		panic("canary")
	}
	select {
	case <-time.After(takes):
		return n, fail
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (s *source) memory(capacity int) *memory[string, int] {
	cfg := DirectoryConfig{}.withDefaults()
	m := remember(cfg, capacity, s.fetch)
	m.forget()
	return m
}

// check asks for "a" and compares the answer; a kind means that it is refused.
func check(t *testing.T, m *memory[string, int], want int, kind registrar.Kind) {
	t.Helper()
	got, err := m.get(t.Context(), "a")
	if kind != "" && (err == nil || registrar.KindOf(err) != kind) {
		t.Errorf("get = %d, %v; want an error of kind %s", got, err, kind)
	}
	if kind == "" && (err != nil || got != want) {
		t.Errorf("get = %d, %v; want %d", got, err, want)
	}
}

func TestMemoryAsksOnceForMany(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{takes: time.Second}
		m := s.memory(10)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { check(t, m, 1, "") })
		}
		wg.Wait()
		if s.asked != 1 {
			t.Errorf("asked %d times for 50 callers, want once", s.asked)
		}
		s.takes = patience / 2
		time.Sleep(5 * time.Second)
		check(t, m, 2, "")
	})
}

func TestMemorySurvivesAnImpatientCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{takes: time.Second}
		m := s.memory(10)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := m.get(ctx, "a"); registrar.KindOf(err) != registrar.Timeout {
			t.Errorf("error = %v, want a timeout", err)
		}
		check(t, m, 1, "") // the same flight, still under way
		if s.asked != 1 {
			t.Errorf("asked %d times, want once", s.asked)
		}
	})
}

func TestMemoryOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		m := s.memory(10)
		check(t, m, 1, "")
		s.fail = registrar.Fail(registrar.Unavailable, "away", nil)
		time.Sleep(6 * time.Second)
		for range 5 {
			check(t, m, 1, "")
		}
		if s.asked != 2 {
			t.Errorf("asked %d times within the pause, want 2", s.asked)
		}
		time.Sleep(time.Second)
		check(t, m, 1, "")
		if s.asked != 3 {
			t.Errorf("asked %d times after the pause, want 3", s.asked)
		}
		time.Sleep(time.Minute)
		check(t, m, 0, registrar.Unavailable)
		s.fail = nil
		check(t, m, 5, "")
	})
}

func TestMemorySlowDatabase(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{takes: time.Hour}
		m := s.memory(10)
		check(t, m, 0, registrar.Unavailable) // its deadline, not the caller's
		s.takes = 0
		check(t, m, 2, "")
		s.takes = time.Hour
		time.Sleep(6 * time.Second)
		start := time.Now()
		check(t, m, 2, "")
		if waited := time.Since(start); waited > patience {
			t.Errorf("a caller waited %v for a database that hangs, with an answer at hand", waited)
		}
		start = time.Now()
		check(t, m, 2, "")
		if waited := time.Since(start); waited > 0 {
			t.Errorf("the next caller waited %v for a database that just did not answer", waited)
		}
		time.Sleep(6 * time.Second) // the fetch ends at its deadline
		synctest.Wait()
		s.takes = 0
		check(t, m, 4, "")
	})
}

func TestMemoryRefusal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		m := s.memory(10)
		check(t, m, 1, "")
		s.fail = registrar.Fail(registrar.Unauthenticated, "no", nil)
		time.Sleep(6 * time.Second)
		check(t, m, 0, registrar.Unauthenticated)
		// The refused is not let in again because the database goes away.
		s.fail = registrar.Fail(registrar.Unavailable, "away", nil)
		check(t, m, 0, registrar.Unavailable)
	})
}

func TestMemoryForgetsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{takes: time.Second}
		m := s.memory(10)
		var wg sync.WaitGroup
		wg.Go(func() { check(t, m, 1, "") })
		synctest.Wait()
		m.forget()
		check(t, m, 2, "")
		wg.Wait()
		check(t, m, 2, "")
	})
}

func TestMemoryPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{panics: true}
		m := s.memory(10)
		if _, err := m.get(t.Context(), "a"); registrar.KindOf(err) != registrar.Internal || strings.Contains(err.Error(), "canary") {
			t.Errorf("get = %v; want an internal error without what was panicked with", err)
		}
		s.panics = false
		check(t, m, 2, "")
	})
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		m := s.memory(100)
		for i := range 1000 {
			if _, err := m.get(t.Context(), string(rune('a'+i))); err != nil {
				t.Fatal(err)
			}
			if n := len(m.young) + len(m.old); n > 100 {
				t.Fatalf("%d entries, want 100 at most", n)
			}
		}
		last := s.asked
		if _, err := m.get(t.Context(), string(rune('a'+999))); err != nil || s.asked != last {
			t.Errorf("the newest entry was not kept: %v", err)
		}
	})
}

func TestAway(t *testing.T) {
	t.Parallel()
	for _, err := range []error{errors.New("a defect"), registrar.Fail(registrar.NotFound, "", nil), context.Canceled} {
		if away(err) {
			t.Errorf("%v hides as an outage", err)
		}
	}
}
