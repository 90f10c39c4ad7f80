package enroll_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/enroll"
	"registrar/internal/registrar"
)

// The table of answers of the synchronous write, line by line.
func TestWhatTheCallerHears(t *testing.T) {
	t.Parallel()
	type results = map[registrar.StudentKey]string
	three := []registrar.WriteItem{item("001", "enrolled"), item("002", "enrolled"), item("003", "pending")}
	lost := []string{"001 internal-error", "002 internal-error", "003 internal-error"}
	tests := map[string]struct {
		items  []registrar.WriteItem
		answer func(context.Context, sent) (registrar.WriteAnswer, error)
		status int
		want   []string
		calls  int
	}{
		"200 with a map":       {three, echo, 200, []string{"001 enrolled", "002 enrolled", "003 pending"}, 1},
		"201 with a map":       {three, says(201, results{"001": "enrolled", "002": "enrolled", "003": "pending"}), 200, []string{"001 enrolled", "002 enrolled", "003 pending"}, 1},
		"207 that lacks keys":  {three, says(207, results{"001": "enrolled"}), 207, []string{"001 enrolled", "002 internal-error", "003 internal-error"}, 1},
		"422 with a map":       {three, says(422, results{"001": "conflict", "002": "conflict", "003": "conflict"}), 422, []string{"001 conflict", "002 conflict", "003 conflict"}, 1},
		"422 without a map":    {three, says(422, nil), 422, lost, 1},
		"200 without a map":    {three, says(200, nil), 200, lost, 1},
		"202":                  {three, says(202, nil), 422, lost, 1},
		"204":                  {three, says(204, nil), 422, lost, 1},
		"400":                  {three, says(400, nil), 422, lost, 1},
		"404":                  {three, says(404, nil), 422, lost, 1},
		"413":                  {three, says(413, nil), 422, lost, 1},
		"500":                  {three, says(500, nil), 422, lost, 1},
		"no connection":        {three, away, 422, lost, 1},
		"nothing to write":     {nil, echo, 422, []string{}, 0},
		"one comes twice":      {[]registrar.WriteItem{item("001", "a"), item("002", "enrolled"), item("001", "b")}, echo, 207, []string{"001 duplicated", "002 enrolled"}, 1},
		"all come twice":       {[]registrar.WriteItem{item("001", "a"), item("001", "a")}, echo, 422, []string{"001 duplicated"}, 0},
		"twice in two escapes": {[]registrar.WriteItem{item("A", "a"), {"student_key": json.RawMessage(`"\u0041"`), "status": quoted("a")}}, echo, 422, []string{"A duplicated"}, 0},
		"spellings differ":     {[]registrar.WriteItem{item("a", "x"), item("A", "y")}, echo, 200, []string{"A y", "a x"}, 1},
		"strangers come last":  {three[:2], says(200, results{"002": "enrolled", "001": "enrolled", "000": "ended", "zzz": "ended"}), 200, []string{"001 enrolled", "002 enrolled", "000 ended", "zzz ended"}, 1},
		"empty key":            {[]registrar.WriteItem{item("", "")}, echo, 200, []string{" "}, 1},
		"by code point":        {[]registrar.WriteItem{item("\U0001F600", "x"), item("\uffee", "x"), item("Z", "x"), item("é", "x")}, echo, 200, []string{"Z x", "é x", "\uffee x", "\U0001F600 x"}, 1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for kind, w := range map[string]registrar.EnrollmentWrite{"program": programWrite(tc.items...), "course": courseWrite(t, tc.items...)} {
				l := &lms{answer: tc.answer}
				report, err := service(l, &books{}, nil).Write(t.Context(), w, nil)
				if err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
				if report.Status() != tc.status || len(l.got) != tc.calls {
					t.Errorf("%s: status %d after %d requests, want %d after %d", kind, report.Status(), len(l.got), tc.status, tc.calls)
				}
				if diff := cmp.Diff(tc.want, result(report)); diff != "" {
					t.Errorf("%s: %s", kind, diff)
				}
			}
		})
	}
}

// A program write puts the curriculum over whatever the caller wrote there; a
// course write touches nothing. Neither changes the caller's own items.
func TestWhatTheLMSIsSent(t *testing.T) {
	t.Parallel()
	items := []registrar.WriteItem{
		{"student_key": quoted("001"), "status": quoted("nonsense"), "curriculum_uuid": quoted("mine"), "big": json.RawMessage(`9007199254740993`)},
		{"student_key": quoted("002"), "status": quoted("enrolled"), "course_staff": json.RawMessage(`null`)},
	}
	l := &lms{answer: echo}
	s := service(l, nil, nil)
	for _, w := range []registrar.EnrollmentWrite{programWrite(items...), courseWrite(t, items...)} {
		if _, err := s.Write(t.Context(), w, nil); err != nil {
			t.Fatal(err)
		}
	}
	want := []sent{
		{Method: "POST", Program: cs().UUID, Items: []registrar.WriteItem{
			{"student_key": quoted("001"), "status": quoted("nonsense"), "curriculum_uuid": quoted(string(curriculum)), "big": json.RawMessage(`9007199254740993`)},
			{"student_key": quoted("002"), "status": quoted("enrolled"), "course_staff": json.RawMessage(`null`), "curriculum_uuid": quoted(string(curriculum))},
		}},
		{Method: "PATCH", Program: cs().UUID, Course: "course-v1:STEMx+CS111+F19", Items: items},
	}
	if diff := cmp.Diff(want, l.got); diff != "" {
		t.Error(diff)
	}
	if string(items[0]["curriculum_uuid"]) != `"mine"` || items[1]["curriculum_uuid"] != nil {
		t.Errorf("the caller's items were changed: %s", items)
	}
}

func TestProgramWithoutCurriculum(t *testing.T) {
	t.Parallel()
	l := &lms{answer: echo}
	s := service(l, nil, nil)
	w := programWrite(item("001", "enrolled"), item("002", "enrolled"))
	w.Curriculum = ""
	report, err := s.Write(t.Context(), w, nil)
	if err != nil || report.Status() != 422 || !report.Bad {
		t.Errorf("%+v, %v", report, err)
	}
	if diff := cmp.Diff([]string{"001 internal-error", "002 internal-error"}, result(report)); diff != "" || len(l.got) != 0 {
		t.Errorf("%d requests, %s", len(l.got), diff)
	}
	// A course run needs none.
	w = courseWrite(t, item("001", "active"))
	w.Curriculum = ""
	if report, err := s.Write(t.Context(), w, nil); err != nil || report.Status() != 200 {
		t.Errorf("course: %+v, %v", report, err)
	}
}

func TestBatchesGoTogetherWithinTheBound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		l := &lms{answer: func(ctx context.Context, s sent) (registrar.WriteAnswer, error) {
			<-release
			return echo(ctx, s)
		}}
		s := enroll.New(enroll.Config{Concurrency: 3}, enroll.Deps{LMS: l})
		ended := make(chan registrar.WriteReport)
		go func() {
			report, _ := s.Write(t.Context(), programWrite(students(120)...), nil)
			ended <- report
		}()
		synctest.Wait()
		if n := len(l.requests()); n != 3 {
			t.Errorf("%d of 5 batches on their way, want 3", n)
		}
		close(release)
		if report := <-ended; len(l.requests()) != 5 || len(report.Results) != 120 || report.Status() != 200 {
			t.Errorf("%d requests, %d results", len(l.requests()), len(report.Results))
		}
	})
}

// The LMS takes two spellings of a key for one learner, and may fail a whole
// batch when two requests create one learner at once.
func TestSpellingsOfOneLearnerDoNotRace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		flying := 0
		l := &lms{}
		l.answer = func(ctx context.Context, s sent) (registrar.WriteAnswer, error) {
			l.mu.Lock()
			flying++
			if flying > 1 {
				t.Error("two requests at once")
			}
			l.mu.Unlock()
			time.Sleep(time.Second)
			l.mu.Lock()
			flying--
			l.mu.Unlock()
			return echo(ctx, s)
		}
		items := append(students(60), item("s-0001", "ended"))
		report, err := service(l, nil, nil).Write(t.Context(), programWrite(items...), nil)
		if err != nil || len(report.Results) != 61 || len(l.got) != 3 || l.got[0].keys()[0] != "S-0001" || l.got[2].keys()[10] != "s-0001" {
			t.Errorf("%d results of %d requests, %v", len(report.Results), len(l.got), err)
		}
	})
}

// One batch that fails leaves the others alone.
func TestFailedBatchIsAlone(t *testing.T) {
	t.Parallel()
	l := &lms{answer: func(ctx context.Context, s sent) (registrar.WriteAnswer, error) {
		if s.keys()[0] == "S-0026" {
			return away(ctx, s)
		}
		return echo(ctx, s)
	}}
	var d diary
	report, err := service(l, nil, d.logger()).Write(t.Context(), programWrite(students(52)...), nil)
	if err != nil || report.Status() != 207 {
		t.Fatalf("%d, %v", report.Status(), err)
	}
	for i, r := range report.Results {
		want := "enrolled"
		if i >= 25 && i < 50 {
			want = registrar.InternalError
		}
		if r.Code != want {
			t.Errorf("row %d: %s", i+1, r.Code)
		}
	}
	if text := d.text(); !strings.Contains(text, "no answer to a batch") || strings.Contains(text, "S-00") {
		t.Errorf("log: %s", text)
	}
}

func TestWhatTheLogHears(t *testing.T) {
	t.Parallel()
	type results = map[registrar.StudentKey]string
	tests := map[string]struct {
		answer func(context.Context, sent) (registrar.WriteAnswer, error)
		want   []string
	}{
		"all well":             {echo, nil},
		"all rejected":         {says(422, results{"S-0001": "conflict", "S-0002": "conflict"}), nil},
		"200 without a map":    {says(200, nil), []string{"level=ERROR", "status=200", "without_result=2", "readable=false"}},
		"207 that lacks a key": {says(207, results{"S-0001": "enrolled"}), []string{"level=ERROR", "without_result=1", "readable=true"}},
		"500":                  {says(500, nil), []string{"level=WARN", "refused a batch", "status=500"}},
		"strangers":            {says(200, results{"S-0001": "ended", "S-0002": "ended", "S-0099": "ended"}), []string{"level=WARN", "strangers=1"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var d diary
			_, err := service(&lms{answer: tc.answer}, nil, d.logger()).Write(t.Context(), courseWrite(t, students(2)...), nil)
			if err != nil {
				t.Fatal(err)
			}
			text := d.text()
			for _, part := range tc.want {
				if !strings.Contains(text, part) {
					t.Errorf("the log lacks %q: %s", part, text)
				}
			}
			if strings.Contains(text, "S-00") || tc.want == nil && text != "" {
				t.Errorf("the log tells too much: %s", text)
			}
			if tc.want != nil && !strings.Contains(text, "program=masters-in-cs") {
				t.Errorf("the log does not say where: %s", text)
			}
		})
	}
}

func TestPanicIsContained(t *testing.T) {
	t.Parallel()
	var d diary
	l := &lms{answer: func(context.Context, sent) (registrar.WriteAnswer, error) { panic("S-0001 is odd") }}
	_, err := service(l, nil, d.logger()).Write(t.Context(), programWrite(students(1)...), nil)
	if registrar.KindOf(err) != registrar.Internal || strings.Contains(err.Error()+d.text(), "is odd") || !strings.Contains(d.text(), "stack=") {
		t.Errorf("%v, log: %s", err, d.text())
	}
}

// Who waits gets a report even when the time is over: what is not known is
// an internal error.
func TestTimeIsOverForOneWhoWaits(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l := &lms{answer: func(ctx context.Context, _ sent) (registrar.WriteAnswer, error) {
		return registrar.WriteAnswer{}, ctx.Err()
	}}
	report, err := service(l, nil, nil).Write(ctx, programWrite(students(2)...), nil)
	if err != nil || report.Status() != 422 {
		t.Errorf("%+v, %v", report, err)
	}
}
