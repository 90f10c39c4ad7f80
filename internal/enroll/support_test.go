package enroll_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"registrar/internal/enroll"
	"registrar/internal/registrar"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errAway = errors.New("the connection was dropped")

// sent is one request to the LMS.
type sent struct {
	Method  string
	Program registrar.ProgramUUID
	Course  string
	Items   []registrar.WriteItem
}

func (s sent) keys() []registrar.StudentKey {
	keys := make([]registrar.StudentKey, len(s.Items))
	for i, item := range s.Items {
		keys[i] = item.StudentKey()
	}
	return keys
}

// lms records what it is sent; answer says what comes of it.
type lms struct {
	mu     sync.Mutex
	got    []sent
	answer func(context.Context, sent) (registrar.WriteAnswer, error)
}

func (l *lms) WriteProgramEnrollments(ctx context.Context, method string, program registrar.ProgramUUID, items []registrar.WriteItem) (registrar.WriteAnswer, error) {
	return l.take(ctx, sent{Method: method, Program: program, Items: items})
}

func (l *lms) WriteCourseEnrollments(ctx context.Context, method string, program registrar.ProgramUUID, course registrar.CourseKey, items []registrar.WriteItem) (registrar.WriteAnswer, error) {
	return l.take(ctx, sent{Method: method, Program: program, Course: course.String(), Items: items})
}

func (l *lms) take(ctx context.Context, s sent) (registrar.WriteAnswer, error) {
	l.mu.Lock()
	l.got = append(l.got, s)
	l.mu.Unlock()
	return l.answer(ctx, s)
}

// requests are those so far.
func (l *lms) requests() []sent {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.got)
}

// echo accepts every row.
func echo(_ context.Context, s sent) (registrar.WriteAnswer, error) {
	a := registrar.WriteAnswer{Status: 200, Results: map[registrar.StudentKey]string{}}
	for _, item := range s.Items {
		var status string
		if err := json.Unmarshal(item["status"], &status); err != nil {
			return registrar.WriteAnswer{}, err
		}
		a.Results[item.StudentKey()] = status
	}
	return a, nil
}

// says gives every request the same answer.
func says(status int, results map[registrar.StudentKey]string) func(context.Context, sent) (registrar.WriteAnswer, error) {
	return func(context.Context, sent) (registrar.WriteAnswer, error) {
		return registrar.WriteAnswer{Status: status, Results: results}, nil
	}
}

func away(context.Context, sent) (registrar.WriteAnswer, error) {
	return registrar.WriteAnswer{}, errAway
}

// books are an index and a cache that remember what they are told.
type books struct {
	mu      sync.Mutex
	rows    []registrar.ProgramEnrollment
	dropped []registrar.StudentKey
	runs    []*registrar.CourseKey
	at      []time.Time
	err     error
	heard   func(context.Context)
}

func (b *books) RecordWrites(ctx context.Context, p registrar.Program, rows []registrar.ProgramEnrollment, at time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows, b.at = append(b.rows, rows...), append(b.at, at)
	b.hear(ctx)
	return errors.Join(b.err, ours(p))
}

func (b *books) EnrollmentsWritten(ctx context.Context, p registrar.Program, run *registrar.CourseKey, keys []registrar.StudentKey) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dropped, b.runs = append(b.dropped, keys...), append(b.runs, run)
	b.hear(ctx)
	return errors.Join(b.err, ours(p))
}

func (b *books) hear(ctx context.Context) {
	if b.heard != nil {
		b.heard(ctx)
	}
}

func ours(p registrar.Program) error {
	if p != cs() {
		return errors.New("another program")
	}
	return nil
}

// saved is a job's progress in memory.
type saved struct {
	mu      sync.Mutex
	answers map[int]registrar.WriteAnswer
	most    int // answers that it takes; 0 for any number
	waits   int // rests of the LMS that it waits for
}

func (s *saved) Wait(ctx context.Context, rest time.Duration) bool {
	s.mu.Lock()
	s.waits--
	patient := s.waits >= 0
	s.mu.Unlock()
	if !patient {
		return false
	}
	select {
	case <-time.After(rest):
		return true
	case <-ctx.Done():
		return false
	}
}

var errFull = errors.New("the lease is lost")

func (s *saved) Done(batch int) (registrar.WriteAnswer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.answers[batch]
	return a, ok
}

func (s *saved) Save(ctx context.Context, batch int, a registrar.WriteAnswer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.most > 0 && len(s.answers) >= s.most {
		return errFull
	}
	if s.answers == nil {
		s.answers = map[int]registrar.WriteAnswer{}
	}
	s.answers[batch] = a
	return ctx.Err()
}

// diary keeps what is logged.
type diary struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (d *diary) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.buf.Write(p)
}

func (d *diary) text() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.buf.String()
}

func (d *diary) logger() *slog.Logger { return slog.New(slog.NewTextHandler(d, nil)) }

func cs() registrar.Program {
	return registrar.Program{Key: "masters-in-cs", UUID: "5c1d2a6e-0a7b-4a51-9a0e-3f0f6f1b7c11", Organization: "stem-institute"}
}

const curriculum = registrar.CurriculumUUID("77777777-4444-2222-1111-000000000000")

func run(tb testing.TB) *registrar.CourseRun {
	tb.Helper()
	key, err := registrar.ParseCourseKey("course-v1:STEMx+CS111+F19")
	if err != nil {
		tb.Fatal(err)
	}
	return &registrar.CourseRun{Key: key, ExternalKey: "CompSci1_Fall"}
}

func quoted(text string) json.RawMessage {
	raw, err := json.Marshal(text)
	if err != nil {
		return nil // cannot be: it is a string
	}
	return raw
}

func item(key, status string) registrar.WriteItem {
	return registrar.WriteItem{"student_key": quoted(key), "status": quoted(status)}
}

// students are n items, from S-0001 on.
func students(n int) []registrar.WriteItem {
	items := make([]registrar.WriteItem, n)
	for i := range items {
		items[i] = item(fmt.Sprintf("S-%04d", i+1), "enrolled")
	}
	return items
}

func programWrite(items ...registrar.WriteItem) registrar.EnrollmentWrite {
	return registrar.EnrollmentWrite{Method: "POST", Program: cs(), Curriculum: curriculum, Items: items}
}

func courseWrite(tb testing.TB, items ...registrar.WriteItem) registrar.EnrollmentWrite {
	tb.Helper()
	return registrar.EnrollmentWrite{Method: "PATCH", Program: cs(), Run: run(tb), Curriculum: curriculum, Items: items}
}

// result is a report in the form of rows "key code".
func result(report registrar.WriteReport) []string {
	rows := []string{}
	for _, r := range report.Results {
		rows = append(rows, string(r.StudentKey)+" "+r.Code)
	}
	return rows
}

func service(l *lms, b *books, log *slog.Logger) *enroll.Service {
	deps := enroll.Deps{LMS: l, Log: log}
	if b != nil {
		deps.Index, deps.Cache = b, b
	}
	return enroll.New(enroll.Config{}, deps)
}
