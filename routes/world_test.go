package routes_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"registrar/internal/registrar"
	"registrar/routes"
)

// The doubles: each asks the func that the test put into it.

type directory struct {
	programs     []registrar.Program
	organization func(registrar.OrganizationKey) (registrar.Organization, error)
}

func (d *directory) Program(_ context.Context, key registrar.ProgramKey) (registrar.Program, error) {
	for _, p := range d.programs {
		if p.Key == key {
			return p, nil
		}
	}
	return registrar.Program{}, registrar.Fail(registrar.NotFound, "Not found.", nil)
}

func (d *directory) Programs(context.Context) ([]registrar.Program, error) { return d.programs, nil }

func (d *directory) Organization(_ context.Context, key registrar.OrganizationKey) (registrar.Organization, error) {
	return d.organization(key)
}

type catalog struct {
	details   func(context.Context, registrar.Program) (registrar.Report[registrar.ProgramDetails], error)
	detailsOf func([]registrar.Program) registrar.Report[map[registrar.ProgramKey]registrar.ProgramDetails]
}

func (c *catalog) Details(ctx context.Context, p registrar.Program) (registrar.Report[registrar.ProgramDetails], error) {
	return c.details(ctx, p)
}

func (c *catalog) DetailsOf(_ context.Context, ps []registrar.Program) registrar.Report[map[registrar.ProgramKey]registrar.ProgramDetails] {
	return c.detailsOf(ps)
}

type learners struct {
	learners   func(context.Context, registrar.Program) (registrar.Report[[]registrar.ProgramEnrollment], error)
	programsOf func(registrar.StudentKey, []registrar.Program) (registrar.Report[[]registrar.ProgramLink], error)
	record     func(registrar.StudentKey, registrar.Parts) (registrar.Report[registrar.LearnerRecord], error)
}

func (l *learners) Learners(ctx context.Context, p registrar.Program) (registrar.Report[[]registrar.ProgramEnrollment], error) {
	return l.learners(ctx, p)
}

func (l *learners) ProgramsOf(_ context.Context, s registrar.StudentKey, ps []registrar.Program) (registrar.Report[[]registrar.ProgramLink], error) {
	return l.programsOf(s, ps)
}

func (l *learners) Record(_ context.Context, _ registrar.Program, s registrar.StudentKey, parts registrar.Parts) (registrar.Report[registrar.LearnerRecord], error) {
	return l.record(s, parts)
}

type tables struct {
	grades      func(context.Context, []registrar.CourseID) (registrar.Report[[]registrar.Table[registrar.GradeRow]], error)
	completion  func([]registrar.CourseID) (registrar.Report[[]registrar.Table[registrar.LearnerCompletion]], error)
	enrollments func([]registrar.CourseID) (registrar.Report[[]registrar.Table[registrar.CourseEnrollment]], error)
}

func (t *tables) Grades(ctx context.Context, _ registrar.Program, ids []registrar.CourseID) (registrar.Report[[]registrar.Table[registrar.GradeRow]], error) {
	return t.grades(ctx, ids)
}

func (t *tables) Completion(_ context.Context, _ registrar.Program, ids []registrar.CourseID) (registrar.Report[[]registrar.Table[registrar.LearnerCompletion]], error) {
	return t.completion(ids)
}

func (t *tables) CourseEnrollments(_ context.Context, _ registrar.Program, ids []registrar.CourseID) (registrar.Report[[]registrar.Table[registrar.CourseEnrollment]], error) {
	return t.enrollments(ids)
}

// purger remembers what it was told to drop.
type purger struct{ dropped []string }

func (p *purger) DropAll(context.Context) error {
	p.dropped = append(p.dropped, "everything")
	return nil
}

func (p *purger) DropProgram(_ context.Context, program registrar.Program) error {
	p.dropped = append(p.dropped, string(program.Key))
	return nil
}

// submitter remembers the orders it was given.
type submitter struct {
	orders []registrar.JobOrder
	rows   []registrar.UploadRow // of the last upload
	submit func(registrar.JobOrder) (registrar.JobID, error)
	upload func(registrar.JobOrder, iter.Seq2[registrar.UploadRow, error]) (registrar.JobID, error)
}

func (s *submitter) Submit(_ context.Context, order registrar.JobOrder) (registrar.JobID, error) {
	s.orders = append(s.orders, order)
	return s.submit(order)
}

// readUpload reads rows as the submitter does: to their end, or to the first error.
func (s *submitter) readUpload(_ registrar.JobOrder, rows iter.Seq2[registrar.UploadRow, error]) (registrar.JobID, error) {
	var read []registrar.UploadRow
	for row, err := range rows {
		if err != nil {
			return "", fmt.Errorf("jobs: upload: %w", err)
		}
		read = append(read, row)
	}
	s.rows = read
	return newJob, nil
}

func (s *submitter) SubmitUpload(_ context.Context, order registrar.JobOrder, rows iter.Seq2[registrar.UploadRow, error]) (registrar.JobID, error) {
	s.orders = append(s.orders, order)
	return s.upload(order, rows)
}

// jobBook holds jobs, the oldest first, and the filters it was asked with.
type jobBook struct {
	jobs    []registrar.Job
	filters []registrar.JobFilter
}

func (b *jobBook) Job(_ context.Context, id registrar.JobID) (registrar.Job, error) {
	return b.first(func(j registrar.Job) bool { return j.ID == id })
}

func (b *jobBook) WriteJobOf(_ context.Context, program registrar.ProgramKey) (registrar.Job, error) {
	return b.first(func(j registrar.Job) bool { return j.Program == program && j.Kind.Writes() && j.State.Processing() })
}

func (b *jobBook) first(is func(registrar.Job) bool) (registrar.Job, error) {
	if i := slices.IndexFunc(b.jobs, is); i >= 0 {
		return b.jobs[i], nil
	}
	return registrar.Job{}, registrar.Fail(registrar.NotFound, "Not found.", nil)
}

func (b *jobBook) Jobs(_ context.Context, f registrar.JobFilter) ([]registrar.Job, int, error) {
	b.filters = append(b.filters, f)
	var found []registrar.Job
	for _, j := range b.jobs {
		if (f.Owner == "" || j.Owner == f.Owner) && (f.Program == "" || j.Program == f.Program) &&
			(f.Kind == "" || j.Kind == f.Kind) && (f.States == nil || slices.Contains(f.States, j.State)) &&
			(f.Since.IsZero() || !j.Created.Before(f.Since)) && (f.Until.IsZero() || j.Created.Before(f.Until)) {
			found = append(found, j)
		}
	}
	total := len(found)
	found = found[min(f.Offset, total):]
	if f.Limit > 0 {
		found = found[:min(f.Limit, len(found))]
	}
	return found, total, nil
}

type linker func(name string) (string, error)

func (l linker) Link(_ context.Context, name string) (string, error) { return l(name) }

// enroller remembers what it was given to write.
type enroller struct {
	writes []registrar.EnrollmentWrite
	write  func(registrar.EnrollmentWrite) (registrar.WriteReport, error)
}

func (e *enroller) Write(_ context.Context, w registrar.EnrollmentWrite) (registrar.WriteReport, error) {
	e.writes = append(e.writes, w)
	return e.write(w)
}

// echo takes every item with the status that it asks for.
func echo(w registrar.EnrollmentWrite) (registrar.WriteReport, error) {
	var report registrar.WriteReport
	for _, item := range w.Items {
		var status string
		if err := json.Unmarshal(item["status"], &status); err != nil {
			return report, err
		}
		report.Good = true
		report.Results = append(report.Results, registrar.WriteResult{StudentKey: item.StudentKey(), Code: status})
	}
	return report, nil
}

type reports func(registrar.Program, time.Time) ([]registrar.ReportFile, error)

func (r reports) Reports(_ context.Context, p registrar.Program, since time.Time) ([]registrar.ReportFile, error) {
	return r(p, since)
}

// world is one school and a half: three programs of MITx, one of NorthU.
type world struct {
	directory directory
	catalog   catalog
	learners  learners
	tables    tables
	purger    purger
	submitter submitter
	jobs      jobBook
	linker    linker
	enroller  enroller
	reports   reports
	shelves   []routes.Shelf
	media     routes.MediaConfig
	config    routes.Config
	// activities are what the requests of the test turned out to be, in order.
	activities []*registrar.Activity
	lock       sync.Mutex
}

// noted returns a place for what one request turns out to be.
func (w *world) noted() *registrar.Activity {
	w.lock.Lock()
	defer w.lock.Unlock()
	note := &registrar.Activity{}
	w.activities = append(w.activities, note)
	return note
}

// now is the time of every test; the sources are some seconds older.
func now() time.Time { return time.Date(2026, 3, 2, 8, 21, 56, 0, time.UTC) }

func (w *world) deps() routes.Deps {
	return routes.Deps{
		Directory: &w.directory, Catalog: &w.catalog, Learners: &w.learners, Tables: &w.tables, Purger: &w.purger,
		Submitter: &w.submitter, Jobs: &w.jobs, Linker: w.linker, Enroller: &w.enroller, Reports: w.reports,
	}
}

// rooms are what the gateway mounts.
func (w *world) rooms() []mounter {
	return []mounter{routes.New(w.config, w.deps()), routes.Docs(), routes.NewMedia(w.media, w.shelves...)}
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	known := allDetails(tb)
	w := &world{config: routes.Config{Now: now}}
	w.directory.programs = []registrar.Program{ // not in the order that answers have
		{Key: "north-ma", UUID: "4", Organization: "NorthU"},
		{Key: "masters-cs", UUID: "1", Organization: "MITx"},
		{Key: "micro-cs", UUID: "2", Organization: "MITx"},
		{Key: "masters-ds", UUID: "3", Organization: "MITx"},
	}
	w.directory.organization = func(key registrar.OrganizationKey) (registrar.Organization, error) {
		if key == "MITx" || key == "NorthU" {
			return registrar.Organization{Key: key}, nil
		}
		return registrar.Organization{}, registrar.Fail(registrar.NotFound, "Not found.", nil)
	}
	w.catalog.details = func(_ context.Context, p registrar.Program) (registrar.Report[registrar.ProgramDetails], error) {
		return reportOf(known[p.Key], discovered(p.Key)), nil
	}
	w.catalog.detailsOf = func(ps []registrar.Program) registrar.Report[map[registrar.ProgramKey]registrar.ProgramDetails] {
		report := reportOf(make(map[registrar.ProgramKey]registrar.ProgramDetails))
		for _, p := range ps {
			report.Value[p.Key] = known[p.Key]
			report.Sources = append(report.Sources, discovered(p.Key))
		}
		return report
	}
	w.learners = learnersOf(tb, known["masters-cs"])
	w.tables = tablesOf(known["masters-cs"])
	w.submitter.submit = func(registrar.JobOrder) (registrar.JobID, error) { return newJob, nil }
	w.submitter.upload = w.submitter.readUpload
	w.enroller.write = echo
	w.jobs.jobs = jobsOfTwo()
	w.reports = twoReports
	w.linker = func(name string) (string, error) { return "http://example.com/api/media/token/" + name, nil }
	return w
}

// newJob is the id of every job that the doubles start.
const newJob registrar.JobID = "0d9b3c52-6f0e-4c1b-8a55-3f2d6c7b8e90"

// jobsOfTwo are a job of the registrar in every state, the clerk's one, and one
// whose result was deleted for its age.
func jobsOfTwo() []registrar.Job {
	at := func(minute int) time.Time {
		return now().Add(time.Duration(minute-100)*time.Minute + 189272*time.Microsecond)
	}
	read, write := registrar.ListProgramEnrollments, registrar.WriteProgramEnrollments
	job := func(n int, owner registrar.Username, kind registrar.JobKind, state registrar.JobState) registrar.Job {
		order := registrar.JobOrder{Kind: kind, Program: registrar.Program{Key: "masters-cs"}}
		return registrar.Job{
			ID: registrar.JobID(fmt.Sprintf("%08d-6f0e-4c1b-8a55-3f2d6c7b8e90", n)), Owner: owner, Kind: kind, Name: order.Name(),
			Program: "masters-cs", State: state, Created: at(n),
		}
	}
	jobs := []registrar.Job{
		job(1, "registrar", read, registrar.JobSucceeded),
		job(2, "registrar", write, registrar.JobSucceeded),
		job(3, "registrar", read, registrar.JobFailed),
		job(4, "registrar", read, registrar.JobCanceled),
		job(5, "registrar", read, registrar.JobRetrying),
		job(6, "clerk", read, registrar.JobPending),
		job(7, "registrar", write, registrar.JobInProgress),
		job(8, "registrar", registrar.GetCourseGrades, registrar.JobPending),
	}
	for i, minute := range []int{1, 2, 3} {
		jobs[i].Attempt, jobs[i].Started, jobs[i].Finished = 1, at(minute), at(minute).Add(3*time.Second)
	}
	jobs[1].Text, jobs[1].Result = "207", "job-results/"+string(jobs[1].ID)+".csv"
	jobs[2].Reason, jobs[2].Code = "The LMS answered 500 while its enrollments were read.", "upstream_error"
	jobs[4].Created = jobs[4].Created.Truncate(time.Second)
	jobs[6].Attempt, jobs[6].Started = 2, at(8)
	return jobs
}

func reportOf[T any](value T, sources ...registrar.Source) registrar.Report[T] {
	return registrar.Report[T]{Value: value, Sources: sources}
}

func discovered(key registrar.ProgramKey) registrar.Source {
	return registrar.Source{
		Name: registrar.FromDiscovery, State: registrar.SourceOK, FetchedAt: now().Add(-412 * time.Second),
		Hit: true, ExpiresIn: time.Hour, Digest: "d-" + string(key),
	}
}

// fetched is a source that this request waited for.
func fetched(name registrar.SourceName, course registrar.CourseKey) registrar.Source {
	return registrar.Source{
		Name: name, Course: course, State: registrar.SourceOK, FetchedAt: now().Add(-time.Second),
		Took: 41_200 * time.Microsecond, ExpiresIn: 300 * time.Second, Digest: string(name) + course.String(),
	}
}

func failed(name registrar.SourceName, course registrar.CourseKey) registrar.Source {
	return registrar.Source{
		Name: name, Course: course, State: registrar.SourceFailed, Took: time.Second,
		Err: registrar.Fail(registrar.Timeout, "The LMS did not answer in time.", nil),
	}
}

func courseKey(tb testing.TB, text string) registrar.CourseKey {
	tb.Helper()
	key, err := registrar.ParseCourseKey(text)
	if err != nil {
		tb.Fatalf("course key: %v", err)
	}
	return key
}

func allDetails(tb testing.TB) map[registrar.ProgramKey]registrar.ProgramDetails {
	tb.Helper()
	runs := []registrar.CourseRun{
		{
			Key: courseKey(tb, "course-v1:MITx+6.001+2026"), ExternalKey: "CS 101.spring", Title: "Structure & Interpretation",
			URL: "https://www.example.org/sicp", Start: time.Date(2026, 1, 12, 0, 0, 0, 0, time.UTC),
		},
		{Key: courseKey(tb, "MITx/6.002/2026"), Title: "Circuits"},
		{Key: courseKey(tb, "course-v1:MITx+6.003+2026"), ExternalKey: "=TWIN"},
	}
	return map[registrar.ProgramKey]registrar.ProgramDetails{
		"masters-cs": {
			Title: "Master of Computer Science", URL: "https://www.example.org/cs", Type: "Masters", TypeSlug: "masters",
			Curricula: []registrar.Curriculum{{UUID: "9f8c2c1e-6a1d-4b0c-9d7e-3a5b7c9d1e2f", Active: true, Verified: true, Runs: runs}},
		},
		"micro-cs":   {Title: "Computer Science Basics", Type: "MicroMasters", TypeSlug: "micromasters"},
		"masters-ds": {Title: "Master of Data Science", Type: "Masters", TypeSlug: "masters"},
		"north-ma":   {Title: "Mathematics", Type: "Masters", TypeSlug: "masters"},
	}
}

func learnersOf(tb testing.TB, d registrar.ProgramDetails) learners {
	tb.Helper()
	lena := registrar.ProgramEnrollment{
		StudentKey: "S-1001", Status: "enrolled", Curriculum: "9f8c2c1e-6a1d-4b0c-9d7e-3a5b7c9d1e2f",
		Account: registrar.Account{State: registrar.Linked, Username: "lena"},
	}
	omar := registrar.ProgramEnrollment{StudentKey: "S-1002", Status: "pending", Account: registrar.Account{State: registrar.Pending}}
	var none registrar.CourseKey
	return learners{
		learners: func(context.Context, registrar.Program) (registrar.Report[[]registrar.ProgramEnrollment], error) {
			return reportOf([]registrar.ProgramEnrollment{lena, omar}, fetched(registrar.FromProgramEnrollments, none)), nil
		},
		programsOf: func(s registrar.StudentKey, _ []registrar.Program) (registrar.Report[[]registrar.ProgramLink], error) {
			links := []registrar.ProgramLink{
				{Program: "north-ma", StudentKey: s, Status: "enrolled", Account: lena.Account},
				{Program: "masters-ds", StudentKey: s, Status: "canceled", Account: omar.Account},
				{Program: "masters-cs", StudentKey: s, Status: "enrolled", Account: lena.Account},
			}
			return reportOf(links, registrar.Source{Name: registrar.FromLinkstore, State: registrar.SourceOK, FetchedAt: now()}), nil
		},
		record: func(s registrar.StudentKey, parts registrar.Parts) (registrar.Report[registrar.LearnerRecord], error) {
			if s.Fold() != "s-1001" {
				return reportOf(registrar.LearnerRecord{}), &registrar.Error{
					Kind: registrar.NotFound, Code: "learner_not_in_program", Detail: "The program has no such learner.",
				}
			}
			return reportOf(recordOf(lena, d, parts), fetched(registrar.FromProgramEnrollments, none)), nil
		},
	}
}

// recordOf has everything in its first course, nothing in its others.
func recordOf(who registrar.ProgramEnrollment, d registrar.ProgramDetails, parts registrar.Parts) registrar.LearnerRecord {
	record := registrar.LearnerRecord{Enrollment: who}
	for _, run := range d.Runs() {
		record.Courses = append(record.Courses, registrar.LearnerCourse{Run: run})
	}
	active, first := registrar.CourseActive, &record.Courses[0]
	first.Status = &active
	if parts.Grades {
		first.Grade = &registrar.Grade{Letter: "A", Percent: "0.930", Passed: true}
	}
	if parts.Completion {
		percent, done := json.Number("0.75"), int64(30)
		first.Completion = &registrar.Completion{Percent: &percent, Complete: &done}
	}
	if parts.Certificates {
		first.Certificate = &registrar.Certificate{Status: "generating"}
	}
	return record
}

func tablesOf(d registrar.ProgramDetails) tables {
	percent, done, left, locked := json.Number("0.750"), int64(30), int64(10), int64(0)
	return tables{
		grades: func(_ context.Context, ids []registrar.CourseID) (registrar.Report[[]registrar.Table[registrar.GradeRow]], error) {
			return tableReport(d, ids, registrar.FromGrades, []registrar.GradeRow{
				{StudentKey: "s-1001", Grade: registrar.Grade{Letter: "A", Percent: "0.930", Passed: true}},
				{StudentKey: "=HYPERLINK(\"x\")", Grade: registrar.Grade{Percent: "-0.10"}},
				{StudentKey: "s,1003", Failed: true},
			})
		},
		completion: func(ids []registrar.CourseID) (registrar.Report[[]registrar.Table[registrar.LearnerCompletion]], error) {
			return tableReport(d, ids, registrar.FromCompletion, []registrar.LearnerCompletion{
				{StudentKey: "s-1001", Completion: registrar.Completion{Percent: &percent, Complete: &done, Incomplete: &left, Locked: &locked}},
				{StudentKey: "s-1002", Completion: registrar.Completion{Percent: &percent}},
				{StudentKey: "s-1003", Failed: true},
			})
		},
		enrollments: func(ids []registrar.CourseID) (registrar.Report[[]registrar.Table[registrar.CourseEnrollment]], error) {
			return tableReport(d, ids, registrar.FromCourseEnrollments, []registrar.CourseEnrollment{
				{StudentKey: "s-1001", Status: registrar.CourseActive, AccountExists: true},
				{StudentKey: "s-1002", Status: registrar.CourseInactive},
			})
		},
	}
}

// tableReport fills the first run, leaves the second empty and fails the third;
// of the runs that were asked for, as the aggregator does.
func tableReport[R any](d registrar.ProgramDetails, ids []registrar.CourseID, from registrar.SourceName, rows []R) (registrar.Report[[]registrar.Table[R]], error) {
	runs := d.Runs()
	all := []registrar.Table[R]{
		{Run: runs[0], State: registrar.TablePartial, Rows: rows},
		{Run: runs[1], State: registrar.TableEmpty},
		{Run: runs[2], State: registrar.TableFailed},
	}
	sources := []registrar.Source{fetched(from, runs[0].Key), fetched(from, runs[1].Key), failed(from, runs[2].Key)}
	if ids == nil {
		return reportOf(all, append([]registrar.Source{discovered("masters-cs")}, sources...)...), nil
	}
	report := reportOf[[]registrar.Table[R]](nil, discovered("masters-cs"))
	for _, id := range ids {
		for i, run := range runs {
			if string(id) == run.Key.String() {
				report.Value, report.Sources = append(report.Value, all[i]), append(report.Sources, sources[i])
			}
		}
	}
	return report, nil
}
