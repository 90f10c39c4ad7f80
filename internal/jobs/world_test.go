package jobs_test

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"registrar/internal/jobs"
	"registrar/internal/provision/provisiontest"
	"registrar/internal/registrar"
)

// engine is one of the two databases that River runs on.
type engine func(t *testing.T) (*sql.DB, *pgxpool.Pool)

func engines() map[string]engine { return map[string]engine{"sqlite": sqlite, "postgres": postgres} }

func sqlite(t *testing.T) (*sql.DB, *pgxpool.Pool) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "jobs.db")+
		"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_txlock=immediate&_time_format=sqlite&_timezone=UTC")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db, nil
}

func postgres(t *testing.T) (*sql.DB, *pgxpool.Pool) {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), provisiontest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	db := stdlib.OpenDBFromPool(pool)
	t.Cleanup(func() {
		_ = db.Close()
		pool.Close()
	})
	return db, pool
}

// world is a queue with everything around it.
type world struct {
	t      *testing.T
	db     *sql.DB
	pool   *pgxpool.Pool
	ledger *ledger
	files  *files
	lms    *lms
	write  func(ctx context.Context, w registrar.EnrollmentWrite, p jobs.Progress) (registrar.WriteReport, error)
	seen   chan string // what Observe hears
	log    *logged
	cfg    jobs.Config
}

func newWorld(t *testing.T, on engine) *world {
	t.Helper()
	db, pool := on(t)
	if _, err := jobs.Migrate(t.Context(), db, pool); err != nil {
		t.Fatal(err)
	}
	return &world{
		t: t, db: db, pool: pool, ledger: newLedger(db), files: &files{kept: map[string][]byte{}},
		lms: &lms{}, seen: make(chan string, 1000), log: &logged{}, write: echo,
	}
}

// open makes a replica of the queue that is not started yet.
func (w *world) open() *jobs.Queue {
	w.t.Helper()
	q, err := jobs.Open(w.t.Context(), w.cfg, jobs.Deps{
		Store: w.ledger, LMS: w.lms, Enroller: w, Files: w.files, DB: w.db, Pool: w.pool,
		Log: slog.New(slog.NewTextHandler(w.log, nil)),
		Observe: func(kind registrar.JobKind, state registrar.JobState, _ time.Duration) {
			w.seen <- fmt.Sprintf("%s %s", kind, state)
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return q
}

// start makes a replica that works until the test ends.
func (w *world) start() *jobs.Queue {
	w.t.Helper()
	q := w.open()
	if err := q.Start(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { stop(w.t, q) })
	return q
}

func stop(t *testing.T, q *jobs.Queue) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	if err := q.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// done submits an order and returns how its job ended, and its file.
func (w *world) done(q *jobs.Queue, order registrar.JobOrder) (registrar.JobOutcome, string) {
	w.t.Helper()
	id, err := q.Submit(w.t.Context(), order)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.ended(id)
}

func (w *world) ended(id registrar.JobID) (registrar.JobOutcome, string) {
	w.t.Helper()
	w.ledger.await(w.t, "finish", id)
	outcome := w.ledger.look(id).outcome
	return outcome, w.files.text(outcome.Result)
}

// Write lets a world be the enroller.
func (w *world) Write(ctx context.Context, e registrar.EnrollmentWrite, p jobs.Progress) (registrar.WriteReport, error) {
	return w.write(ctx, e, p)
}

// echo answers as an LMS that takes every row, batch by batch.
func echo(ctx context.Context, e registrar.EnrollmentWrite, p jobs.Progress) (registrar.WriteReport, error) {
	return inBatches(ctx, e, p, func(context.Context, int) error { return nil })
}

// inBatches is a write of which send hears of each batch that is sent.
func inBatches(ctx context.Context, e registrar.EnrollmentWrite, p jobs.Progress, send func(ctx context.Context, batch int) error) (registrar.WriteReport, error) {
	codes := map[registrar.StudentKey]string{}
	for batch, rows := range slices.Collect(slices.Chunk(e.Rows, registrar.MaxWriteItems)) {
		answer, done := p.Done(batch)
		if !done {
			if err := send(ctx, batch); err != nil {
				return registrar.WriteReport{}, err
			}
			answer = registrar.WriteAnswer{Status: 200, Results: map[registrar.StudentKey]string{}}
			for _, row := range rows {
				answer.Results[registrar.StudentKey(row.StudentKey)] = "enrolled"
			}
			if err := p.Save(ctx, batch, answer); err != nil {
				return registrar.WriteReport{}, err
			}
		}
		maps.Copy(codes, answer.Results)
	}
	report := registrar.WriteReport{Good: len(codes) > 0}
	for _, key := range slices.Sorted(maps.Keys(codes)) {
		report.Results = append(report.Results, registrar.WriteResult{StudentKey: key, Code: codes[key]})
	}
	return report, nil
}

// lms doubles the LMS's listings.
type lms struct {
	program       func(ctx context.Context, program registrar.ProgramUUID) iter.Seq2[registrar.LMSPage, error]
	course, grade func(ctx context.Context, course registrar.CourseKey) iter.Seq2[registrar.LMSPage, error]
}

func (l *lms) ProgramEnrollmentPages(ctx context.Context, p registrar.ProgramUUID) iter.Seq2[registrar.LMSPage, error] {
	return l.program(ctx, p)
}

func (l *lms) CourseEnrollmentPages(ctx context.Context, _ registrar.ProgramUUID, c registrar.CourseKey) iter.Seq2[registrar.LMSPage, error] {
	return l.course(ctx, c)
}

func (l *lms) GradePages(ctx context.Context, _ registrar.ProgramUUID, c registrar.CourseKey) iter.Seq2[registrar.LMSPage, error] {
	return l.grade(ctx, c)
}

// files doubles the blob store.
type files struct {
	mu   sync.Mutex
	kept map[string][]byte
	old  map[string]bool // those that were written long ago
	fail error           // of Create, instead of keeping
	big  bool            // nothing is kept but the size
	size int
}

// Write counts.
func (f *files) Write(p []byte) (int, error) {
	f.size += len(p)
	return len(p), nil
}

func (f *files) Create(_ context.Context, name, _ string, write func(io.Writer) error) error {
	if f.big {
		return write(f)
	}
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return fmt.Errorf("files: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return f.fail
	}
	f.kept[name] = b.Bytes()
	return nil
}

func (f *files) Open(_ context.Context, name string) (io.ReadCloser, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, ok := f.kept[name]
	if !ok {
		return nil, registrar.Fail(registrar.NotFound, "No such file.", nil)
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (f *files) Delete(_ context.Context, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.kept, name)
	return nil
}

// Tidy takes the files of a set for old.
func (f *files) Tidy(_ context.Context, folder string, before time.Time, mayGo func(string) (bool, error)) (int, error) {
	if time.Since(before) < 24*time.Hour {
		return 0, errors.New("younger files may still be written")
	}
	n := 0
	for _, name := range f.names() {
		in, file, _ := strings.Cut(name, "/")
		if in != folder || !f.old[name] {
			continue
		}
		ok, err := mayGo(file)
		if err != nil {
			return n, err
		}
		if ok {
			n++
			_ = f.Delete(context.Background(), name)
		}
	}
	return n, nil
}

func (f *files) text(name string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return string(f.kept[name])
}

func (f *files) names() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.kept))
}

// logged keeps what is logged.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// answered is an LMS error for a status.
type answered int

func (a answered) Error() string   { return fmt.Sprintf("status %d", int(a)) }
func (a answered) HTTPStatus() int { return int(a) }

// listed makes a listing of pages, and of an error at its end unless that is nil.
func listed(err error, pages ...registrar.LMSPage) iter.Seq2[registrar.LMSPage, error] {
	return func(yield func(registrar.LMSPage, error) bool) {
		for _, p := range pages {
			if !yield(p, nil) {
				return
			}
		}
		if err != nil {
			yield(registrar.LMSPage{}, err)
		}
	}
}

func page(status int, rows ...registrar.LMSRow) registrar.LMSPage {
	return registrar.LMSPage{Status: cmp.Or(status, 200), Rows: rows}
}

func courseKey(t *testing.T, text string) registrar.CourseKey {
	t.Helper()
	key, err := registrar.ParseCourseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func theProgram() registrar.Program {
	return registrar.Program{Key: "masters-in-cs", UUID: "6f4a2d4e-0000-4000-8000-000000000001", Organization: "stem"}
}

// uploadRows makes an iterator of rows and an error at the end unless it is nil.
func uploadRows(err error, rows ...registrar.UploadRow) iter.Seq2[registrar.UploadRow, error] {
	return func(yield func(registrar.UploadRow, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
		if err != nil {
			yield(registrar.UploadRow{}, err)
		}
	}
}

var errAway = errors.New("away")
