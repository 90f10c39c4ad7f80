package audit_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"registrar/internal/audit"
	"registrar/internal/registrar"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ledger stores records, as long as it is not away.
type ledger struct {
	mu      sync.Mutex
	away    error
	hangs   bool
	batches [][]audit.Record
	tries   int
}

func (l *ledger) RecordTouch(ctx context.Context, records []audit.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tries++
	if l.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	if l.away != nil {
		return l.away
	}
	l.batches = append(l.batches, slices.Clone(records))
	return nil
}

func (l *ledger) set(away error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = away
}

// sizes of what was stored together.
func (l *ledger) sizes() []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []int
	for _, b := range l.batches {
		all = append(all, len(b))
	}
	return all
}

type programs func(registrar.ProgramKey) (registrar.Program, error)

func (p programs) Program(_ context.Context, key registrar.ProgramKey) (registrar.Program, error) {
	return p(key)
}

func known(key registrar.ProgramKey) (registrar.Program, error) {
	return registrar.Program{Key: key, Organization: "MITx"}, nil
}

func newRecorder(tb testing.TB, l *ledger, cfg audit.Config, log *bytes.Buffer) *audit.Recorder {
	tb.Helper()
	if cfg.Key == nil {
		cfg.Key = []byte("sixteen or more bytes")
	}
	deps := audit.Deps{Store: l, Programs: programs(known)}
	if log != nil {
		deps.Log = slog.New(slog.NewTextHandler(log, nil))
	}
	r, err := audit.New(cfg, deps)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func request() audit.Request {
	return audit.Request{
		At: time.Date(2026, 3, 2, 8, 21, 56, 0, time.UTC), ID: "5f3a", Username: "canary-user", Method: "GET",
		Route: "/api/v3/programs/:program_key/learners/:student_key", Status: 200,
	}
}

func touch(kind registrar.TouchKind, keys ...registrar.StudentKey) registrar.Touch {
	return registrar.Touch{Kind: kind, Program: "masters-cs", Course: "a+b+c", Job: "j1", Learner: keys}
}

func closed(tb testing.TB, r *audit.Recorder) {
	tb.Helper()
	if err := r.Close(context.WithoutCancel(tb.Context())); err != nil {
		tb.Error(err)
	}
}

func TestARecord(t *testing.T) {
	t.Parallel()
	l := &ledger{}
	r := newRecorder(t, l, audit.Config{}, nil)
	r.Record(t.Context(), request(), touch(registrar.TouchRead, "S-1", "s-2 "))
	closed(t, r)
	want := audit.Record{
		At: request().At, RequestID: "5f3a", Username: "canary-user", Kind: registrar.TouchRead, Method: "GET",
		Route: "/api/v3/programs/:program_key/learners/:student_key", Program: "masters-cs", Course: "a+b+c", Job: "j1", Status: 200,
		Learners: []string{r.Hash("MITx", "S-1"), r.Hash("MITx", "S-2")},
	}
	if len(l.batches) != 1 || len(l.batches[0]) != 1 {
		t.Fatalf("stored: %v", l.batches)
	}
	if diff := cmp.Diff(want, l.batches[0][0], cmpopts.IgnoreFields(audit.Record{}, "ID")); diff != "" || l.batches[0][0].ID == "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestHashes(t *testing.T) {
	t.Parallel()
	l := &ledger{}
	one, two := newRecorder(t, l, audit.Config{}, nil), newRecorder(t, l, audit.Config{Key: []byte("another key of a site")}, nil)
	same := newRecorder(t, l, audit.Config{}, nil)
	rapid.Check(t, func(t *rapid.T) {
		org := registrar.OrganizationKey(rapid.StringMatching(`[A-Za-z0-9_-]{0,8}`).Draw(t, "organization"))
		key := registrar.StudentKey(rapid.StringN(1, 20, -1).Draw(t, "key"))
		h := one.Hash(org, key)
		if len(h) != 32 || strings.Trim(h, "0123456789abcdef") != "" {
			t.Fatalf("hash %q", h)
		}
		if same.Hash(org, key) != h || one.Hash(org, " "+key.Fold()+" ") != h {
			t.Fatal("a spelling of the same key has another hash")
		}
		if two.Hash(org, key) == h || one.Hash(org+"x", key) == h || one.Hash(org, key+"x") == h {
			t.Fatal("another key has the same hash")
		}
	})
	if one.Hash("a", "bc") == one.Hash("ab", "c") {
		t.Error("organization and key run together")
	}
	for _, r := range []*audit.Recorder{one, two, same} {
		closed(t, r)
	}
}

// Reads are stored together, a moment later; the rest before Record returns, even
// of a request that is over.
func TestWhenRecordsAreStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{}
		r := newRecorder(t, l, audit.Config{Batch: 3}, nil)
		defer closed(t, r)
		over, cancel := context.WithCancel(t.Context())
		cancel()
		for range 4 {
			r.Record(over, request(), touch(registrar.TouchRead))
		}
		synctest.Wait()
		if diff := cmp.Diff([]int{3}, l.sizes()); diff != "" {
			t.Errorf("a full batch (-want +got):\n%s", diff)
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if diff := cmp.Diff([]int{3, 1}, l.sizes()); diff != "" {
			t.Errorf("after a moment (-want +got):\n%s", diff)
		}
		for i, kind := range []registrar.TouchKind{registrar.TouchWrite, registrar.TouchUpload, registrar.TouchExport} {
			r.Record(over, request(), touch(kind))
			if got := len(l.sizes()); got != 3+i {
				t.Errorf("%s: %d batches when Record returned, want %d", kind, got, 3+i)
			}
		}
	})
}

// While the store is away the log has everything, and afterwards the store too.
func TestAStoreThatIsAwayForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, log := &ledger{}, &bytes.Buffer{}
		l.set(errors.New("connection refused"))
		r := newRecorder(t, l, audit.Config{}, log)
		r.Record(t.Context(), request(), touch(registrar.TouchWrite, "CANARY-1"))
		r.Record(t.Context(), request(), touch(registrar.TouchRead, "CANARY-2"))
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, want := range []string{"level=ERROR", "connection refused", "kind=write", "kind=read", r.Hash("MITx", "CANARY-1"), r.Hash("MITx", "CANARY-2")} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log lacks %q:\n%s", want, log)
			}
		}
		if strings.Contains(strings.ToLower(log.String()), "canary") || strings.Count(log.String(), `msg="audit record"`) != 2 {
			t.Errorf("the log:\n%s", log)
		}
		l.set(nil)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]int{2}, l.sizes()); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
		tries := l.tries
		time.Sleep(time.Hour)
		synctest.Wait()
		if l.tries != tries {
			t.Errorf("tried %d times more with nothing to store", l.tries-tries)
		}
		closed(t, r)
		if diff := cmp.Diff(audit.Stats{Stored: 2}, r.Stats()); diff != "" {
			t.Errorf("stats (-want +got):\n%s", diff)
		}
	})
}

func TestAStoreThatStaysAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, log := &ledger{}, &bytes.Buffer{}
		l.set(errors.New("connection refused"))
		r := newRecorder(t, l, audit.Config{Queue: 3}, log)
		for range 5 {
			r.Record(t.Context(), request(), touch(registrar.TouchUpload))
			synctest.Wait()
		}
		if got := r.Stats(); got.Lost != 2 {
			t.Errorf("%+v, want two beyond what may wait", got)
		}
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		if got := r.Stats(); got.Lost != 5 || !strings.Contains(log.String(), "given up") {
			t.Errorf("%+v, want all given up, and a word of it", got)
		}
		l.set(nil)
		r.Record(t.Context(), request(), touch(registrar.TouchUpload))
		if err := r.Close(t.Context()); err == nil {
			t.Error("records were lost without a word")
		}
		if diff := cmp.Diff(audit.Stats{Stored: 1, Lost: 5}, r.Stats()); diff != "" {
			t.Errorf("stats (-want +got):\n%s", diff)
		}
	})
}

// The end is bounded, and what comes after it is stored at once.
func TestTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, log := &ledger{hangs: true}, &bytes.Buffer{}
		r := newRecorder(t, l, audit.Config{Timeout: time.Hour}, log)
		r.Record(t.Context(), request(), touch(registrar.TouchRead, "S-1"))
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := r.Close(ctx); err == nil || time.Since(start) != 2*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		if !strings.Contains(log.String(), r.Hash("MITx", "S-1")) {
			t.Errorf("the log lacks the record:\n%s", log)
		}
		l.hangs = false
		r.Record(t.Context(), request(), touch(registrar.TouchRead))
		if diff := cmp.Diff([]int{1}, l.sizes()); diff != "" {
			t.Errorf("after the end (-want +got):\n%s", diff)
		}
	})
}

// An upload names many learners; no line of the log does.
func TestLinesOfTheLogAreBounded(t *testing.T) {
	t.Parallel()
	l, log := &ledger{}, &bytes.Buffer{}
	l.set(errors.New("connection refused"))
	r := newRecorder(t, l, audit.Config{}, log)
	keys := make([]registrar.StudentKey, 250)
	for i := range keys {
		keys[i] = registrar.StudentKey(strings.Repeat("x", i+1))
	}
	r.Record(t.Context(), request(), touch(registrar.TouchUpload, keys...))
	if n := strings.Count(log.String(), `msg="audit record"`); n != 3 {
		t.Errorf("%d lines for 250 learners, want 3", n)
	}
	for _, key := range keys {
		if !strings.Contains(log.String(), r.Hash("MITx", key)) {
			t.Errorf("the log lacks a learner")
		}
	}
	l.set(nil)
	closed(t, r)
}

// So many learners at once are everybody: a record has a bound.
func TestTooManyLearnersAreEverybody(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{10_000: 10_000, 10_001: 0} {
		l := &ledger{}
		r := newRecorder(t, l, audit.Config{}, nil)
		r.Record(t.Context(), request(), touch(registrar.TouchUpload, make([]registrar.StudentKey, n)...))
		closed(t, r)
		if got := l.batches[0][0].Learners; len(got) != want {
			t.Errorf("%d learners: %d on record, want %d", n, len(got), want)
		}
	}
}

// A directory that fails costs the organization in the hash, not the record.
func TestAProgramThatIsNotKnown(t *testing.T) {
	t.Parallel()
	l := &ledger{}
	r, err := audit.New(audit.Config{}, audit.Deps{Store: l, Programs: programs(func(registrar.ProgramKey) (registrar.Program, error) {
		return registrar.Program{}, errors.New("away")
	})})
	if err != nil {
		t.Fatal(err)
	}
	r.Record(t.Context(), request(), touch(registrar.TouchWrite, "S-1"))
	closed(t, r)
	if got := l.batches[0][0].Learners; len(got) != 1 || got[0] != r.Hash("", "S-1") {
		t.Errorf("learners %v", got)
	}
}

func TestConfigurationsThatAreNone(t *testing.T) {
	t.Parallel()
	deps := audit.Deps{Store: &ledger{}, Programs: programs(known)}
	for name, tc := range map[string]struct {
		cfg  audit.Config
		deps audit.Deps
	}{
		"a short key": {audit.Config{Key: []byte("short")}, deps},
		"no batch":    {audit.Config{Batch: -1}, deps},
		"no store":    {audit.Config{}, audit.Deps{Programs: deps.Programs}},
	} {
		if r, err := audit.New(tc.cfg, tc.deps); err == nil {
			t.Errorf("%s was taken: %v", name, r)
		}
	}
}
