package enroll_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"registrar/internal/enroll"
	"registrar/internal/registrar"
)

// drawnWrite are the items of a write and the answers to its batches.
type drawnWrite struct {
	items   []registrar.WriteItem
	answers []drawnAnswer
	bound   int
}

type drawnAnswer struct {
	registrar.WriteAnswer
	err error
}

func drawWrite(t *rapid.T) drawnWrite {
	var d drawnWrite
	for i := range rapid.IntRange(0, 120).Draw(t, "items") {
		name := fmt.Sprintf("k%d", i)
		if rapid.IntRange(0, 5).Draw(t, "like another") == 0 {
			name = rapid.SampledFrom([]string{"", "k0", "k1", "K0", "é", "\U0001F600", "\uffee"}).Draw(t, "name")
		}
		d.items = append(d.items, item(name, "enrolled"))
	}
	codes := rapid.SampledFrom([]string{"enrolled", "conflict", "odd"})
	for _, b := range inBatches(d.items) {
		a := drawnAnswer{WriteAnswer: registrar.WriteAnswer{Status: rapid.SampledFrom([]int{200, 201, 207, 422, 204, 404, 500}).Draw(t, "status")}}
		switch {
		case rapid.IntRange(0, 6).Draw(t, "lost") == 0:
			a = drawnAnswer{err: errAway}
		case slices.Contains([]int{200, 201, 207, 422}, a.Status) && rapid.Bool().Draw(t, "readable"):
			a.Results = map[registrar.StudentKey]string{}
			for _, i := range b {
				if rapid.IntRange(0, 4).Draw(t, "told") > 0 {
					a.Results[i.StudentKey()] = codes.Draw(t, "code")
				}
			}
			for range rapid.IntRange(0, 2).Draw(t, "strangers") {
				a.Results[registrar.StudentKey(rapid.SampledFrom([]string{"x1", "x2", "k0", "k7"}).Draw(t, "stranger"))] = codes.Draw(t, "code")
			}
		}
		d.answers = append(d.answers, a)
	}
	d.bound = rapid.IntRange(1, 6).Draw(t, "bound")
	return d
}

// inBatches says plainly what is to be sent.
func inBatches(items []registrar.WriteItem) [][]registrar.WriteItem {
	times := map[registrar.StudentKey]int{}
	for _, i := range items {
		times[i.StudentKey()]++
	}
	var alone []registrar.WriteItem
	for _, i := range items {
		if times[i.StudentKey()] == 1 {
			alone = append(alone, i)
		}
	}
	return slices.Collect(slices.Chunk(alone, 25))
}

// lms answers each batch as drawn, found by its first key.
func (d drawnWrite) lms() *lms {
	answers := map[registrar.StudentKey]drawnAnswer{}
	for i, b := range inBatches(d.items) {
		answers[b[0].StudentKey()] = d.answers[i]
	}
	return &lms{answer: func(_ context.Context, s sent) (registrar.WriteAnswer, error) {
		a, known := answers[s.keys()[0]]
		if !known {
			return registrar.WriteAnswer{}, fmt.Errorf("a batch begins where none should")
		}
		return a.WriteAnswer, a.err
	}}
}

func (d drawnWrite) service(l *lms) *enroll.Service {
	return enroll.New(enroll.Config{Concurrency: d.bound}, enroll.Deps{LMS: l})
}

// wanted is the report as the contract words it, one step after the other.
func (d drawnWrite) wanted() (registrar.WriteReport, int) {
	codes, times := map[registrar.StudentKey]string{}, map[registrar.StudentKey]int{}
	for _, i := range d.items {
		codes[i.StudentKey()] = "internal-error"
		times[i.StudentKey()]++
	}
	submitted := len(codes)
	good, bad := false, false
	for key, n := range times {
		if n > 1 {
			codes[key], bad = "duplicated", true
		}
	}
	for _, a := range d.answers {
		for key, code := range a.Results {
			codes[key] = code
		}
		good = good || a.Status == 200 || a.Status == 201 || a.Status == 207
		bad = bad || a.err != nil || a.Status != 200 && a.Status != 201
	}
	report := registrar.WriteReport{Good: good, Bad: bad}
	for key, code := range codes {
		report.Results = append(report.Results, registrar.WriteResult{StudentKey: key, Code: code})
	}
	slices.SortFunc(report.Results, func(a, b registrar.WriteResult) int {
		mine := func(r registrar.WriteResult) int { return min(times[r.StudentKey], 1) }
		return cmp.Or(cmp.Compare(mine(b), mine(a)), slices.Compare([]rune(a.StudentKey), []rune(b.StudentKey)))
	})
	return report, submitted
}

func TestEveryReportIsTheContracts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawWrite(t)
		l := d.lms()
		report, err := d.service(l).Write(context.Background(), programWrite(d.items...), nil)
		if err != nil {
			t.Fatal(err)
		}
		want, submitted := d.wanted()
		if diff := gocmp.Diff(want, report, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
		seen := map[registrar.StudentKey]bool{}
		own := map[registrar.StudentKey]bool{}
		for _, k := range (sent{Items: d.items}).keys() {
			own[k] = true
		}
		for i, r := range report.Results {
			if seen[r.StudentKey] {
				t.Fatalf("%q stands in the report twice", r.StudentKey)
			}
			seen[r.StudentKey] = true
			if own[r.StudentKey] != (i < submitted) {
				t.Fatalf("%q stands at place %d of %d submitted", r.StudentKey, i, submitted)
			}
		}
		checkSent(t, d, l.requests())
	})
}

// checkSent holds the requests, in whatever order they came, to the batches.
func checkSent(t *rapid.T, d drawnWrite, requests []sent) {
	t.Helper()
	want := map[string]int{}
	for _, b := range inBatches(d.items) {
		want[fmt.Sprintf("%q", sent{Items: b}.keys())]++
	}
	for _, r := range requests {
		if len(r.Items) > 25 || len(r.Items) == 0 {
			t.Fatalf("a batch of %d", len(r.Items))
		}
		want[fmt.Sprintf("%q", r.keys())]--
	}
	for keys, n := range want {
		if n != 0 {
			t.Fatalf("%s was sent %d times too few", keys, n)
		}
	}
}

func TestEveryInterruptedWriteEndsTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawWrite(t)
		l := d.lms()
		progress := &saved{}
		total := len(d.answers)
		for progress.most = 1; ; progress.most += rapid.IntRange(1, 2).Draw(t, "further") {
			report, err := d.service(l).Write(context.Background(), courseWriteOf(d.items), progress)
			if err == nil {
				want, _ := d.wanted()
				if diff := gocmp.Diff(want, report, cmpopts.EquateEmpty()); diff != "" {
					t.Fatal(diff)
				}
				break
			}
			if len(progress.answers) != progress.most {
				t.Fatalf("%d answers are saved, want %d", len(progress.answers), progress.most)
			}
		}
		if len(progress.answers) != total {
			t.Fatalf("%d of %d batches are saved", len(progress.answers), total)
		}
	})
}

func courseWriteOf(items []registrar.WriteItem) registrar.EnrollmentWrite {
	return registrar.EnrollmentWrite{Method: "PUT", Program: cs(), Run: &registrar.CourseRun{}, Items: items}
}
