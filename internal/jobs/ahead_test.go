package jobs_test

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"registrar/internal/registrar"
)

// runsOf makes n course runs.
func runsOf(t *testing.T, n int) []registrar.CourseRun {
	t.Helper()
	var runs []registrar.CourseRun
	for i := range n {
		runs = append(runs, registrar.CourseRun{Key: courseKey(t, fmt.Sprintf("course-v1:X+R%02d+1", i))})
	}
	return runs
}

func TestManyRunsAreReadAtATimeAndWrittenInOrder(t *testing.T) {
	t.Parallel()
	const width, n = 4, 40
	w := newWorld(t, sqlite)
	var open, most atomic.Int64
	four := make(chan struct{})
	var full sync.Once
	w.lms.course = func(ctx context.Context, c registrar.CourseKey) iter.Seq2[registrar.LMSPage, error] {
		return func(yield func(registrar.LMSPage, error) bool) {
			now := open.Add(1)
			defer open.Add(-1)
			for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
			}
			if now == width {
				full.Do(func() { close(four) })
			}
			select {
			case <-four: // a serial export would wait here for ever
			case <-ctx.Done():
				yield(registrar.LMSPage{}, ctx.Err())
				return
			}
			for p := range 3 {
				r := row(t, fmt.Sprintf(`{"student_key":"%s-%d","status":"active","account_exists":true}`, c, p))
				if !yield(page(200, r), nil) {
					return
				}
			}
		}
	}
	q := w.start()
	outcome, file := w.done(q, registrar.JobOrder{
		Kind: registrar.ListAllCourseEnrollments, Program: theProgram(), Format: registrar.CSVFile, Runs: runsOf(t, n),
	})
	if outcome.State != registrar.JobSucceeded {
		t.Fatalf("outcome %+v", outcome)
	}
	var want strings.Builder
	want.WriteString("course_id,student_key,status,account_exists\r\n")
	for _, run := range runsOf(t, n) {
		for p := range 3 {
			fmt.Fprintf(&want, "%s,%s-%d,active,True\r\n", run.Key, run.Key, p)
		}
	}
	if file != want.String() {
		t.Error("the rows are not in the order of the course runs")
	}
	if most.Load() != width {
		t.Errorf("%d course runs were read at a time, want %d", most.Load(), width)
	}
}

// TestBigExportsStayFlat exports 200,000 rows from several course runs and looks
// at the heap on the way: it must not grow with the file.
func TestBigExportsStayFlat(t *testing.T) { //nolint:paralleltest // it measures the heap, alone
	const pages, perPage, runs = 100, 500, 4
	w := newWorld(t, sqlite)
	w.files.big = true
	rows := make([]registrar.LMSRow, perPage)
	for i := range rows {
		rows[i] = row(t, fmt.Sprintf(`{"student_key":"student-%06d","status":"active","account_exists":true}`, i))
	}
	var peak atomic.Uint64
	w.lms.course = func(context.Context, registrar.CourseKey) iter.Seq2[registrar.LMSPage, error] {
		return func(yield func(registrar.LMSPage, error) bool) {
			for p := range pages {
				if p%25 == 0 {
					peak.Store(max(peak.Load(), heap()))
				}
				if !yield(page(200, rows...), nil) {
					return
				}
			}
		}
	}
	q := w.start()
	before := heap()
	outcome, _ := w.done(q, registrar.JobOrder{
		Kind: registrar.ListAllCourseEnrollments, Program: theProgram(), Format: registrar.JSONFile, Runs: runsOf(t, runs),
	})
	const bound = 16 << 20 // four course runs, eight pages of 80 KB ready of each, twice over
	if outcome.State != registrar.JobSucceeded || w.files.size < 30_000_000 {
		t.Fatalf("outcome %+v, %d bytes", outcome, w.files.size)
	}
	if grown := int64(peak.Load()) - int64(before); grown > bound {
		t.Errorf("the heap grew by %d KiB while %d KiB were written", grown>>10, w.files.size>>10)
	}
}

// heap is what is in use once the garbage is gone.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
