package enroll_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"registrar/internal/enroll"
	"registrar/internal/registrar"
)

func accepted(key string, status registrar.ProgramStatus) registrar.ProgramEnrollment {
	return registrar.ProgramEnrollment{
		StudentKey: registrar.StudentKey(key), Status: status, Curriculum: curriculum,
		Account: registrar.Account{State: registrar.Pending},
	}
}

func TestAcceptedRowsAreTold(t *testing.T) {
	t.Parallel()
	type results = map[registrar.StudentKey]string
	all := results{"001": "enrolled", "002": "pending", "003": "suspended", "004": "canceled", "005": "ended", "006": "conflict", "007": "active", "stranger": "enrolled"}
	var items []registrar.WriteItem
	for _, key := range []string{"001", "002", "003", "004", "005", "006", "007"} {
		items = append(items, item(key, "x"))
	}
	tests := map[string]struct {
		write   registrar.EnrollmentWrite
		answer  func(context.Context, sent) (registrar.WriteAnswer, error)
		rows    []registrar.ProgramEnrollment
		dropped []registrar.StudentKey
	}{
		"program": {
			programWrite(items...), says(207, all),
			[]registrar.ProgramEnrollment{accepted("001", "enrolled"), accepted("002", "pending"), accepted("003", "suspended"), accepted("004", "canceled"), accepted("005", "ended")},
			[]registrar.StudentKey{"001", "002", "003", "004", "005"},
		},
		"course": {
			courseWrite(t, item("001", "x"), item("002", "x"), item("003", "x"), item("004", "x")),
			says(207, results{"001": "active", "002": "inactive", "003": "enrolled", "004": "not-in-program", "stranger": "active"}),
			nil,
			[]registrar.StudentKey{"001", "002"},
		},
		"all rejected":                    {programWrite(items[:2]...), says(422, results{"001": "conflict", "002": "conflict"}), nil, nil},
		"refused":                         {programWrite(items[:2]...), says(500, nil), nil, nil},
		"no answer":                       {programWrite(items[:2]...), away, nil, nil},
		"accepted, and no word of whom":   {programWrite(items[:2]...), says(200, nil), nil, []registrar.StudentKey{"001", "002"}},
		"duplicates, whatever is claimed": {programWrite(items[0], items[0], items[1]), says(200, results{"001": "enrolled", "002": "ended"}), []registrar.ProgramEnrollment{accepted("002", "ended")}, []registrar.StudentKey{"002"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &books{}
			before := time.Now()
			if _, err := service(&lms{answer: tc.answer}, b, nil).Write(t.Context(), tc.write, nil); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.rows, b.rows, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tc.dropped, b.dropped, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			for _, at := range b.at {
				if at.Before(before) || at.After(time.Now()) {
					t.Errorf("recorded as of %v", at)
				}
			}
			for _, got := range b.runs {
				if (got == nil) != (tc.write.Run == nil) || got != nil && *got != tc.write.Run.Key {
					t.Errorf("course run %v", got)
				}
			}
		})
	}
}

// The write is seen from the moment of the LMS's answer, not of the question: a
// listing that was begun in between may not hold it.
func TestWriteIsSeenWhenItIsAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &books{}
		begun := time.Now()
		l := &lms{answer: func(ctx context.Context, s sent) (registrar.WriteAnswer, error) {
			time.Sleep(3 * time.Second)
			return echo(ctx, s)
		}}
		if _, err := service(l, b, nil).Write(t.Context(), programWrite(students(1)...), nil); err != nil {
			t.Fatal(err)
		}
		if len(b.at) != 1 || b.at[0].Sub(begun) != 3*time.Second {
			t.Errorf("seen at %v after the start", b.at)
		}
	})
}

func TestBooksThatFailAreLogged(t *testing.T) {
	t.Parallel()
	var d diary
	b := &books{err: errors.New("the database is away")}
	report, err := service(&lms{answer: echo}, b, d.logger()).Write(t.Context(), programWrite(students(2)...), nil)
	if err != nil || report.Status() != 200 {
		t.Errorf("%d, %v", report.Status(), err)
	}
	if text := d.text(); strings.Count(text, "the database is away") != 2 || !strings.Contains(text, "to=cache") || !strings.Contains(text, `to="link index"`) {
		t.Errorf("log: %s", text)
	}
}

// What the LMS accepted is told although the caller has left meanwhile, but not
// for ever.
func TestBooksOutliveTheCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(registrar.WithRequestID(t.Context(), "req-1"))
		b := &books{heard: func(ctx context.Context) {
			if ctx.Err() != nil || registrar.RequestID(ctx) != "req-1" {
				t.Errorf("told within a context that is %v", ctx.Err())
			}
			<-ctx.Done()
		}}
		l := &lms{answer: func(ctx context.Context, s sent) (registrar.WriteAnswer, error) {
			leave()
			return echo(ctx, s)
		}}
		s := enroll.New(enroll.Config{Bookkeeping: time.Second}, enroll.Deps{LMS: l, Index: b, Cache: b})
		start := time.Now()
		report, err := s.Write(ctx, programWrite(students(2)...), nil)
		if err != nil || report.Status() != 200 || len(b.rows) != 2 || len(b.dropped) != 2 || time.Since(start) != 2*time.Second {
			t.Errorf("%d, %v, %d rows and %d keys told in %v", report.Status(), err, len(b.rows), len(b.dropped), time.Since(start))
		}
	})
}
