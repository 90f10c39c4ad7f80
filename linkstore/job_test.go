package linkstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"registrar/internal/registrar"
	"registrar/linkstore"
)

const aWhile = time.Hour

// nothing is an enqueue for jobs that no queue wakes.
func nothing(context.Context, *sql.Tx) error { return nil }

func orderOf(kind registrar.JobKind, p registrar.Program) registrar.JobOrder {
	return registrar.JobOrder{Kind: kind, Owner: "bo", Program: p, Format: registrar.CSVFile}
}

// create stores a job of an order.
func (k *kit) create(order registrar.JobOrder) (registrar.JobID, error) {
	id := registrar.JobID(uuid.NewString())
	return id, k.store.CreateJob(k.Context(), registrar.Job{ID: id}, order, nothing)
}

// created is create where it must work.
func (k *kit) created(order registrar.JobOrder) registrar.JobID {
	k.Helper()
	id, err := k.create(order)
	k.must(err)
	return id
}

// claimed claims a job and returns the attempt.
func (k *kit) claimed(id registrar.JobID) int {
	k.Helper()
	job, _, err := k.store.ClaimJob(k.Context(), id, aWhile)
	k.must(err)
	return job.Attempt
}

func (k *kit) job(id registrar.JobID) registrar.Job {
	k.Helper()
	job, err := k.store.Job(k.Context(), id)
	k.must(err)
	return job
}

func (k *kit) finish(id registrar.JobID, o registrar.JobOutcome) {
	k.Helper()
	k.must(k.store.FinishJob(k.Context(), id, k.claimed(id), o))
}

// wantCode ends the test unless err is of a kind and names the reason.
func (k *kit) wantCode(err error, kind registrar.Kind, code string) {
	k.Helper()
	k.wantKind(err, kind)
	if got := registrar.CodeOf(err); got != code {
		k.Fatalf("code = %q, want %q: %v", got, code, err)
	}
}

func jobLife(k *kit) {
	ctx := k.Context()
	p := k.school()
	k.clock.advance(1500 * time.Microsecond)
	id := registrar.JobID(uuid.NewString())
	seen := 0
	err := k.store.CreateJob(ctx, registrar.Job{ID: id}, orderOf(registrar.ListProgramEnrollments, p),
		func(ctx context.Context, tx *sql.Tx) error {
			return tx.QueryRowContext(ctx, `SELECT count(*) FROM jobs WHERE id = $1`, id).Scan(&seen)
		})
	k.must(err)
	same(k, "jobs that enqueue sees", seen, 1)
	want := registrar.Job{
		ID: id, Owner: "bo", Kind: registrar.ListProgramEnrollments, Name: "masters-cs:read:list_program_enrollments",
		Program: p.Key, State: registrar.JobPending, Created: noon().Add(1500 * time.Microsecond),
	}
	same(k, "a new job", k.job(id), want)

	k.clock.advance(time.Second)
	k.finish(id, registrar.JobOutcome{State: registrar.JobSucceeded, Text: "207", Result: "job-results/x.csv"})
	want.State, want.Text, want.Result, want.Attempt = registrar.JobSucceeded, "207", "job-results/x.csv", 1
	want.Started = noon().Add(1001500 * time.Microsecond)
	want.Finished = want.Started
	same(k, "a job that succeeded", k.job(id), want)

	grades := k.created(orderOf(registrar.GetCourseGrades, p))
	same(k, "the name of grades", k.job(grades).Name, "get_course_run_grades")
	k.finish(grades, registrar.JobOutcome{State: registrar.JobFailed, Reason: "The LMS answered 500.", Code: "lms_failed"})
	failed := k.job(grades)
	same(k, "why it failed", [2]string{failed.Reason, failed.Code}, [2]string{"The LMS answered 500.", "lms_failed"})

	for _, unknown := range []registrar.JobID{registrar.JobID(uuid.NewString()), "", "abc-123", "a\x00b"} {
		_, err := k.store.Job(ctx, unknown)
		k.wantKind(err, registrar.NotFound)
	}
}

func jobInvalid(k *kit) {
	p := k.school()
	for name, change := range map[string]func(*registrar.Job){
		"no id":           func(j *registrar.Job) { j.ID = "" },
		"no uuid":         func(j *registrar.Job) { j.ID = "abc" },
		"upper case":      func(j *registrar.Job) { j.ID = registrar.JobID(strings.ToUpper(string(j.ID))) },
		"odd owner":       func(j *registrar.Job) { j.Owner = "a\x00b" },
		"unstorable name": func(j *registrar.Job) { j.Name = "\xff" },
	} {
		job := registrar.Job{ID: "aaaaaaaa-0000-4000-8000-000000000001"}
		change(&job)
		err := k.store.CreateJob(k.Context(), job, orderOf(registrar.ListProgramEnrollments, p), nothing)
		if registrar.KindOf(err) != registrar.Invalid {
			k.Errorf("%s: error = %v, want invalid", name, err)
		}
	}
	order := orderOf(registrar.ListProgramEnrollments, p)
	order.Owner = ""
	_, err := k.create(order)
	k.wantKind(err, registrar.Invalid)

	id := k.created(orderOf(registrar.ListProgramEnrollments, p))
	err = k.store.CreateJob(k.Context(), registrar.Job{ID: id}, orderOf(registrar.ListProgramEnrollments, p), nothing)
	k.wantCode(err, registrar.Conflict, string(registrar.Conflict)) // the id, not the program
	err = k.store.FinishJob(k.Context(), id, k.claimed(id), registrar.JobOutcome{State: registrar.JobRetrying})
	k.wantKind(err, registrar.Invalid)
}

func jobEnqueueFails(k *kit) {
	ctx := k.Context()
	p := k.school()
	full := errors.New("the queue is full")
	id := registrar.JobID(uuid.NewString())
	err := k.store.CreateJob(ctx, registrar.Job{ID: id}, orderOf(registrar.WriteProgramEnrollments, p),
		func(context.Context, *sql.Tx) error { return full })
	if !errors.Is(err, full) {
		k.Errorf("error = %v, want the cause", err)
	}
	_, err = k.store.Job(ctx, id)
	k.wantKind(err, registrar.NotFound)
	k.created(orderOf(registrar.WriteProgramEnrollments, p)) // nothing is left that blocks
}

func jobOneWrite(k *kit) {
	ctx := k.Context()
	p := k.school()
	q := registrar.Program{Key: "MBA", Organization: "NorthU"}
	k.must(k.store.CreateProgram(ctx, q))
	_, err := k.store.WriteJobOf(ctx, p.Key)
	k.wantKind(err, registrar.NotFound)

	id := k.created(orderOf(registrar.WriteCourseEnrollments, p))
	refused := func(when string) {
		k.Helper()
		for _, kind := range []registrar.JobKind{registrar.WriteProgramEnrollments, registrar.WriteCourseEnrollments} {
			other := orderOf(kind, p)
			other.Owner = "al"
			_, err := k.create(other)
			k.wantCode(err, registrar.Conflict, "write_job_in_progress")
			if e, ok := errors.AsType[*registrar.Error](err); !ok || e.Shape != registrar.DetailText || e.Detail == "" {
				k.Errorf("%s: error = %#v", when, err)
			}
		}
		busy, err := k.store.WriteJobOf(ctx, p.Key)
		k.must(err)
		same(k, "the write job, "+when, busy.ID, id)
	}
	refused("pending")
	attempt := k.claimed(id)
	refused("in progress")
	k.must(k.store.ReleaseJob(ctx, id, attempt))
	refused("retrying")

	k.created(orderOf(registrar.ListProgramEnrollments, p))
	k.created(orderOf(registrar.WriteProgramEnrollments, q))

	k.finish(id, registrar.JobOutcome{State: registrar.JobSucceeded, Text: "422"})
	_, err = k.store.WriteJobOf(ctx, p.Key)
	k.wantKind(err, registrar.NotFound)
	id = k.created(orderOf(registrar.WriteProgramEnrollments, p))
	k.must(k.store.CancelJob(ctx, id))
	id = k.created(orderOf(registrar.WriteProgramEnrollments, p))
	k.must(k.store.RenameProgram(ctx, p.Key, "other"))
	p.Key = "other"
	refused("under another key")
}

// jobRace is two replicas that take fifty uploads for one program.
func jobRace(k *kit) {
	p := k.school()
	var let, refused, enqueued atomic.Int64
	var wg sync.WaitGroup
	for _, s := range []*linkstore.Store{k.store, k.open()} {
		for range 25 {
			wg.Go(func() {
				err := s.CreateJob(k.Context(), registrar.Job{ID: registrar.JobID(uuid.NewString())},
					orderOf(registrar.WriteProgramEnrollments, p), func(context.Context, *sql.Tx) error {
						enqueued.Add(1)
						return nil
					})
				switch {
				case err == nil:
					let.Add(1)
				case registrar.CodeOf(err) == "write_job_in_progress":
					refused.Add(1)
				default:
					k.Errorf("CreateJob: %v", err)
				}
			})
		}
	}
	wg.Wait()
	same(k, "let in, refused, enqueued", [3]int64{let.Load(), refused.Load(), enqueued.Load()}, [3]int64{1, 49, 1})
	_, total, err := k.store.Jobs(k.Context(), registrar.JobFilter{})
	k.must(err)
	same(k, "jobs", total, 1)
}

func jobProgramChanges(k *kit) {
	ctx := k.Context()
	p := k.school()
	for name, change := range map[string]func(*registrar.Program){
		"key":          func(p *registrar.Program) { p.Key = "nope" },
		"no key":       func(p *registrar.Program) { p.Key = "a b" },
		"uuid":         func(p *registrar.Program) { p.UUID = "22222222-2222-2222-2222-222222222222" },
		"organization": func(p *registrar.Program) { p.Organization = "EastU" },
	} {
		other := p
		change(&other)
		if _, err := k.create(orderOf(registrar.ListProgramEnrollments, other)); registrar.KindOf(err) != registrar.NotFound {
			k.Errorf("another %s: error = %v, want not_found", name, err)
		}
	}
	id := k.created(orderOf(registrar.WriteProgramEnrollments, p))
	k.must(k.store.RenameProgram(ctx, p.Key, "renamed"))
	same(k, "after renaming", [2]string{string(k.job(id).Program), k.job(id).Name},
		[2]string{"renamed", "masters-cs:write:write_program_enrollments"})
	same(k, "jobs under the key", k.count(registrar.JobFilter{Program: "renamed"}), 1)
	same(k, "jobs under the former key", k.count(registrar.JobFilter{Program: p.Key}), 0)

	db, _ := k.store.Handles()
	_, err := db.ExecContext(ctx, `DELETE FROM programs WHERE key = $1`, "renamed")
	k.must(err)
	same(k, "after the program is gone", k.job(id).Program, p.Key)
	same(k, "jobs of a program that is gone", k.count(registrar.JobFilter{Program: p.Key}), 1)
	_, err = k.store.WriteJobOf(ctx, "renamed")
	k.wantKind(err, registrar.NotFound)
	k.finish(id, registrar.JobOutcome{State: registrar.JobFailed, Reason: "The program is gone."})
}

// count is how many jobs fit, by the list and by its total.
func (k *kit) count(f registrar.JobFilter) int {
	k.Helper()
	jobs, total, err := k.store.Jobs(k.Context(), f)
	k.must(err)
	same(k, "the total of a list without a limit", total, len(jobs))
	return total
}

func jobList(k *kit) {
	p := k.school()
	q := registrar.Program{Key: "MBA", Organization: "NorthU"}
	k.must(k.store.CreateProgram(k.Context(), q))
	none, total, err := k.store.Jobs(k.Context(), registrar.JobFilter{})
	k.must(err)
	same(k, "no jobs", [2]int{len(none), total}, [2]int{})

	var ids []registrar.JobID // two of each moment
	for i := range 3 {
		mine, others := orderOf(registrar.ListProgramEnrollments, p), orderOf(registrar.GetCourseGrades, q)
		others.Owner = "al"
		pair := []registrar.JobID{k.created(mine), k.created(others)}
		if i == 1 {
			k.finish(pair[0], registrar.JobOutcome{State: registrar.JobSucceeded})
			k.claimed(pair[1])
		}
		slices.Sort(pair)
		ids = append(ids, pair...)
		k.clock.advance(time.Minute)
	}
	at := func(minutes int) time.Time { return noon().Add(time.Duration(minutes) * time.Minute) }
	pending := registrar.JobPending
	for name, c := range map[string]struct {
		filter registrar.JobFilter
		want   int
		total  int
	}{
		"all":             {registrar.JobFilter{}, 6, 6},
		"a page":          {registrar.JobFilter{Offset: 1, Limit: 2}, 2, 6},
		"the end":         {registrar.JobFilter{Offset: 5, Limit: 2}, 1, 6},
		"from the second": {registrar.JobFilter{Offset: 1}, 5, 6},
		"beyond the end":  {registrar.JobFilter{Offset: 9, Limit: 2}, 0, 6},
		"of an owner":     {registrar.JobFilter{Owner: "bo"}, 3, 3},
		"of nobody":       {registrar.JobFilter{Owner: "nobody"}, 0, 0},
		"of an odd owner": {registrar.JobFilter{Owner: "a\x00b"}, 0, 0},
		"of a program":    {registrar.JobFilter{Program: "MBA"}, 3, 3},
		"of no program":   {registrar.JobFilter{Program: "nope"}, 0, 0},
		"of a kind":       {registrar.JobFilter{Kind: registrar.GetCourseGrades}, 3, 3},
		"in a state":      {registrar.JobFilter{States: []registrar.JobState{pending}}, 4, 4},
		"in three states": {registrar.JobFilter{States: []registrar.JobState{pending, registrar.JobInProgress, registrar.JobRetrying}}, 5, 5},
		"since":           {registrar.JobFilter{Since: at(1)}, 4, 4},
		"until":           {registrar.JobFilter{Until: at(1)}, 2, 2},
		"between":         {registrar.JobFilter{Since: at(1), Until: at(2)}, 2, 2},
		"all at once": {registrar.JobFilter{
			Owner: "bo", Program: p.Key, Kind: registrar.ListProgramEnrollments,
			States: []registrar.JobState{pending}, Since: at(0), Until: at(9), Limit: 1,
		}, 1, 2},
	} {
		jobs, total, err := k.store.Jobs(k.Context(), c.filter)
		k.must(err)
		if len(jobs) != c.want || total != c.total {
			k.Errorf("%s: %d jobs of %d, want %d of %d", name, len(jobs), total, c.want, c.total)
		}
		places := make([]int, len(jobs))
		for i, job := range jobs {
			places[i] = slices.Index(ids, job.ID)
		}
		if !slices.IsSorted(places) {
			k.Errorf("%s: order %v, want by creation and then by id", name, places)
		}
	}
	counts, err := k.store.JobCounts(k.Context())
	k.must(err)
	same(k, "counts", counts, map[registrar.JobState]int{pending: 4, registrar.JobInProgress: 1})
}

func jobAged(k *kit) {
	ctx := k.Context()
	p := k.school()
	export := k.created(orderOf(registrar.ListProgramEnrollments, p))
	k.finish(export, registrar.JobOutcome{State: registrar.JobSucceeded, Result: "job-results/x.csv"})
	k.clock.advance(time.Minute)
	upload := k.created(orderOf(registrar.WriteProgramEnrollments, p))
	k.finish(upload, registrar.JobOutcome{State: registrar.JobFailed})
	k.finish(k.created(orderOf(registrar.ListProgramEnrollments, p)), registrar.JobOutcome{State: registrar.JobFailed}) // no file
	k.created(orderOf(registrar.WriteProgramEnrollments, p))                                                            // not over
	aged := func(before time.Time, limit int) []registrar.JobID {
		k.Helper()
		jobs, err := k.store.AgedJobs(ctx, before, limit)
		k.must(err)
		var ids []registrar.JobID
		for _, job := range jobs {
			ids = append(ids, job.ID)
		}
		return ids
	}
	same(k, "before any", aged(noon(), 0), nil)
	same(k, "before the second", aged(noon().Add(time.Minute), 0), []registrar.JobID{export})
	same(k, "all", aged(noon().Add(aWhile), 0), []registrar.JobID{export, upload})
	same(k, "one", aged(noon().Add(aWhile), 1), []registrar.JobID{export})

	k.must(k.store.ForgetFile(ctx, export))
	same(k, "the result", k.job(export).Result, "")
	k.must(k.store.ForgetFile(ctx, upload))
	same(k, "after forgetting", aged(noon().Add(aWhile), 0), nil)
	k.wantKind(k.store.ForgetFile(ctx, registrar.JobID(uuid.NewString())), registrar.NotFound)
}

// longOrder has everything in it that an order can say.
func longOrder(p registrar.Program) registrar.JobOrder {
	key, err := registrar.ParseCourseKey("course-v1:NorthU+CS1+2026")
	if err != nil {
		panic(err)
	}
	order := orderOf(registrar.WriteCourseEnrollments, p)
	order.Curriculum, order.WithAccount, order.WithStaff = "c-1", true, true
	for i := range 40 {
		order.Runs = append(order.Runs, registrar.CourseRun{
			Key: key, ExternalKey: fmt.Sprintf("Stü<%d>", i), Title: "A & \x00 B", URL: "https://example.org/?a=b&c=d", Start: noon(),
		})
	}
	order.Runs = append(order.Runs, registrar.CourseRun{}) // Discovery knows of runs without a key
	return order
}
