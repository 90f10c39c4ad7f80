package resting_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"registrar/internal/resting"
)

var (
	errSilence = errors.New("i/o timeout")
	errRefused = error(refusal("OOM command not allowed"))
)

// refusal is an error as the client of Redis makes one of a reply.
type refusal string

func (r refusal) Error() string { return string(r) }
func (refusal) RedisError()     {}

// told returns a command that ends with err.
func told(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

// turnedAway reports whether r lets nobody in who is waited for.
func turnedAway(t *testing.T, r *resting.Rest) bool {
	t.Helper()
	ran := false
	err := r.Use(t.Context(), func(context.Context) error { ran = true; return nil })
	if ran == errors.Is(err, resting.ErrResting) {
		t.Errorf("ran %v, error %v", ran, err)
	}
	return !ran
}

func TestWhatPutsToRest(t *testing.T) {
	t.Parallel()
	gone, leave := context.WithCancel(t.Context())
	leave()
	tests := map[string]struct {
		ctx   context.Context //nolint:containedctx // of the one command
		err   error
		rests bool
	}{
		"an answer":                 {t.Context(), nil, false},
		"a refusal":                 {t.Context(), errRefused, false},
		"a refusal, wrapped":        {t.Context(), errors.Join(errors.New("budget"), errRefused), false},
		"no answer":                 {t.Context(), errSilence, true},
		"no answer to one who left": {gone, errSilence, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for way, ask := range map[string]func(*resting.Rest) error{
				"Use": func(r *resting.Rest) error { return r.Use(tc.ctx, told(tc.err)) },
				"Try": func(r *resting.Rest) error { return r.Try(tc.ctx, told(tc.err)) },
			} {
				r := resting.New(resting.Config{})
				if err := ask(r); !errors.Is(err, tc.err) {
					t.Errorf("%s: %v, want %v", way, err, tc.err)
				}
				if r.Resting() != tc.rests || turnedAway(t, r) != tc.rests || (r.Left() > 0) != tc.rests {
					t.Errorf("%s: resting %v, %v left; want %v", way, r.Resting(), r.Left(), tc.rests)
				}
			}
		})
	}
}

// After the rest one caller finds out for all; its answer ends the rest.
func TestOneCallerFindsOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := resting.New(resting.Config{})
		_ = r.Use(t.Context(), told(errSilence))
		for range 3 {
			time.Sleep(999 * time.Millisecond)
			if !turnedAway(t, r) {
				t.Fatal("somebody was let in before the end")
			}
			time.Sleep(time.Millisecond)
			_ = r.Use(t.Context(), func(context.Context) error {
				if !turnedAway(t, r) {
					t.Error("two find out at once")
				}
				return errSilence
			})
		}
		time.Sleep(time.Second)
		left, leave := context.WithCancel(t.Context())
		leave()
		_ = r.Use(left, told(errSilence)) // it learned nothing, so the next one is let in
		if turnedAway(t, r) || r.Resting() {
			t.Error("an answer did not end the rest")
		}
	})
}

// Who began before the failure says nothing about what came after it.
func TestAnswerFromBetterTimes(t *testing.T) {
	t.Parallel()
	r := resting.New(resting.Config{})
	fails := func(context.Context) error { return r.Use(t.Context(), told(errSilence)) }
	_ = r.Use(t.Context(), func(ctx context.Context) error { _ = fails(ctx); return nil })
	if !r.Resting() {
		t.Error("an older visit's answer ended the rest")
	}
	_ = r.Try(t.Context(), told(nil))
	if !r.Resting() {
		t.Error("an answer at once ended the rest: a hiccup would come and go")
	}
}

// As long as somebody tries whom nobody waits for, nobody else has to; and its
// answer ends the rest early.
func TestTrying(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := resting.New(resting.Config{})
		for range 20 {
			_ = r.Try(t.Context(), told(errSilence))
			time.Sleep(250 * time.Millisecond)
			if !turnedAway(t, r) {
				t.Fatal("a caller had to find out")
			}
		}
		if err := r.Try(t.Context(), told(nil)); err != nil || r.Resting() {
			t.Errorf("%v, resting %v; want the rest over", err, r.Resting())
		}
	})
}

// Rests that follow upon each other grow up to a bound, and start anew after a
// good while.
func TestRestsGrow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := resting.New(resting.Config{Length: time.Second, Longest: 5 * time.Second})
		for i, want := range []time.Duration{1, 2, 4, 5, 5, 1} {
			if i == 5 {
				time.Sleep(5 * time.Second)
			}
			_ = r.Use(t.Context(), told(errSilence))
			if got := r.Left(); got != want*time.Second {
				t.Errorf("rest %d: %v, want %v s", i, got, int(want))
			}
			time.Sleep(r.Left())
			if turnedAway(t, r) {
				t.Errorf("rest %d does not end", i)
			}
		}
	})
}

// A panic is no answer, and the next one is let in after the rest all the same.
func TestPanicEndsTheVisit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := resting.New(resting.Config{})
		for range 2 {
			func() {
				defer func() { _ = recover() }()
				_ = r.Use(t.Context(), func(context.Context) error { panic("out of range") })
			}()
			if !r.Resting() {
				t.Error("a panic counts as an answer")
			}
			time.Sleep(time.Second)
		}
		if turnedAway(t, r) {
			t.Error("nobody is let in any more")
		}
	})
}
