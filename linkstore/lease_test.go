package linkstore_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"registrar/internal/registrar"
	"registrar/linkstore"
)

func leaseLife(k *kit) {
	ctx := k.Context()
	p := k.school()
	order := longOrder(p)
	id := k.created(order)
	other := k.open()

	k.clock.advance(time.Second)
	job, got, err := k.store.ClaimJob(ctx, id, time.Minute)
	k.must(err)
	same(k, "order", got, order)
	same(k, "claimed", job, k.job(id))
	if job.State != registrar.JobInProgress || job.Attempt != 1 || !job.Started.Equal(noon().Add(time.Second)) {
		k.Errorf("job = %+v", job)
	}
	_, _, err = other.ClaimJob(ctx, id, time.Minute)
	k.wantCode(err, registrar.Conflict, "job_leased")
	k.must(k.store.SaveStep(ctx, id, 1, 0, []byte("first")))

	k.clock.advance(time.Minute - time.Microsecond)
	_, _, err = other.ClaimJob(ctx, id, time.Minute)
	k.wantCode(err, registrar.Conflict, "job_leased")
	k.clock.advance(time.Microsecond)
	job, _, err = other.ClaimJob(ctx, id, time.Minute)
	k.must(err)
	if job.State != registrar.JobInProgress || job.Attempt != 2 || !job.Started.Equal(noon().Add(time.Second)) {
		k.Errorf("job claimed from the dead = %+v", job)
	}

	// The first worker was slow, not dead: whatever it does now is refused.
	k.wantCode(k.store.RenewJob(ctx, id, 1, time.Minute), registrar.Conflict, "job_lost")
	k.wantCode(k.store.SaveStep(ctx, id, 1, 1, []byte("late")), registrar.Conflict, "job_lost")
	k.wantCode(k.store.ReleaseJob(ctx, id, 1), registrar.Conflict, "job_lost")
	done := registrar.JobOutcome{State: registrar.JobSucceeded, Text: "200", Result: "r"}
	k.wantCode(k.store.FinishJob(ctx, id, 1, done), registrar.Conflict, "job_lost")
	same(k, "the job", k.job(id), job)

	k.must(other.FinishJob(ctx, id, 2, done))
	k.must(other.FinishJob(ctx, id, 2, done)) // the first answer may have got lost
	done.Text = "207"
	k.wantCode(other.FinishJob(ctx, id, 2, done), registrar.Conflict, "job_lost")
	same(k, "text", k.job(id).Text, "200")
	_, _, err = k.store.ClaimJob(ctx, id, time.Minute)
	k.wantCode(err, registrar.Conflict, "job_over")
	k.wantCode(k.store.RenewJob(ctx, id, 2, time.Minute), registrar.Conflict, "job_lost")
	for _, unknown := range []registrar.JobID{registrar.JobID(uuid.NewString()), ""} {
		_, _, err = k.store.ClaimJob(ctx, unknown, time.Minute)
		k.wantKind(err, registrar.NotFound)
	}
}

func leaseRenewed(k *kit) {
	ctx := k.Context()
	id := k.created(orderOf(registrar.ListProgramEnrollments, k.school()))
	_, _, err := k.store.ClaimJob(ctx, id, time.Minute)
	k.must(err)
	for range 3 {
		k.clock.advance(time.Minute)
		k.must(k.store.RenewJob(ctx, id, 1, 2*time.Minute))
	}
	k.clock.advance(time.Minute)
	_, _, err = k.store.ClaimJob(ctx, id, time.Minute)
	k.wantCode(err, registrar.Conflict, "job_leased")
	same(k, "attempts", k.job(id).Attempt, 1)
}

func leaseReleased(k *kit) {
	ctx := k.Context()
	id := k.created(orderOf(registrar.ListProgramEnrollments, k.school()))
	attempt := k.claimed(id)
	k.must(k.store.SaveStep(ctx, id, attempt, 0, []byte("kept")))
	k.must(k.store.ReleaseJob(ctx, id, attempt))
	same(k, "state", k.job(id).State, registrar.JobRetrying)
	k.wantCode(k.store.RenewJob(ctx, id, attempt, time.Minute), registrar.Conflict, "job_lost")
	same(k, "abandoned", k.abandoned(0), []registrar.JobID{id})
	same(k, "the next attempt", k.claimed(id), 2)
	same(k, "abandoned when claimed again", k.abandoned(0), nil)
	steps, err := k.store.Steps(ctx, id)
	k.must(err)
	same(k, "steps", steps, map[int][]byte{0: []byte("kept")})
}

func (k *kit) abandoned(limit int) []registrar.JobID {
	k.Helper()
	ids, err := k.store.AbandonedJobs(k.Context(), time.Minute, limit)
	k.must(err)
	return ids
}

func leaseAbandoned(k *kit) {
	ctx := k.Context()
	p := k.school()
	make1 := func() registrar.JobID {
		k.clock.advance(time.Second)
		return k.created(orderOf(registrar.ListProgramEnrollments, p))
	}
	pending, working, dead, over := make1(), make1(), make1(), make1()
	k.finish(over, registrar.JobOutcome{State: registrar.JobFailed})
	k.claimed(working)
	_, _, err := k.store.ClaimJob(ctx, dead, time.Minute)
	k.must(err)
	same(k, "at first", k.abandoned(0), nil)
	k.clock.advance(time.Minute)
	fresh := make1()
	same(k, "after a minute", k.abandoned(0), []registrar.JobID{dead, pending})
	same(k, "a dead worker's before those that wait in line", k.abandoned(1), []registrar.JobID{dead})

	k.must(k.store.DropLeases(ctx))
	want := []registrar.JobID{dead, pending}
	if strings.HasPrefix(k.dsn, "sqlite:") { // alone on its machine
		want = []registrar.JobID{working, dead, pending}
	}
	same(k, "after leases are dropped", k.abandoned(0), want)
	_, _, err = k.store.ClaimJob(ctx, pending, time.Minute)
	k.must(err)
	k.must(k.store.ReleaseJob(ctx, pending, 1))
	k.clock.advance(time.Hour)
	same(k, "when all wait", k.abandoned(0), []registrar.JobID{working, dead, pending, fresh})
	same(k, "a fresh job", k.job(fresh).State, registrar.JobPending)
}

// leaseRace is two replicas whose workers all want one job.
func leaseRace(k *kit) {
	id := k.created(orderOf(registrar.WriteProgramEnrollments, k.school()))
	var won atomic.Int64
	var wg sync.WaitGroup
	for _, s := range []*linkstore.Store{k.store, k.open()} {
		for range 10 {
			wg.Go(func() {
				_, _, err := s.ClaimJob(k.Context(), id, time.Minute)
				switch {
				case err == nil:
					won.Add(1)
				case registrar.CodeOf(err) != "job_leased":
					k.Errorf("ClaimJob: %v", err)
				}
			})
		}
	}
	wg.Wait()
	same(k, "winners and attempts", [2]int{int(won.Load()), k.job(id).Attempt}, [2]int{1, 1})
}

func jobCanceled(k *kit) {
	ctx := k.Context()
	p := k.school()
	id := k.created(orderOf(registrar.WriteProgramEnrollments, p))
	attempt := k.claimed(id)
	k.must(k.store.SaveStep(ctx, id, attempt, 0, []byte("s-1")))
	k.must(k.store.CancelJob(ctx, id))
	got := k.job(id)
	if got.State != registrar.JobCanceled || !got.Finished.Equal(noon()) {
		k.Errorf("job = %+v", got)
	}
	k.wantCode(k.store.RenewJob(ctx, id, attempt, time.Minute), registrar.Conflict, "job_lost")
	k.wantCode(k.store.FinishJob(ctx, id, attempt, registrar.JobOutcome{State: registrar.JobSucceeded}), registrar.Conflict, "job_lost")
	_, _, err := k.store.ClaimJob(ctx, id, time.Minute)
	k.wantCode(err, registrar.Conflict, "job_over")
	k.wantCode(k.store.CancelJob(ctx, id), registrar.Conflict, "job_over")
	k.wantKind(k.store.CancelJob(ctx, registrar.JobID(uuid.NewString())), registrar.NotFound)
	steps, err := k.store.Steps(ctx, id)
	k.must(err)
	same(k, "steps", len(steps), 0)
}

func jobSteps(k *kit) {
	ctx := k.Context()
	p := k.school()
	id, other := k.created(orderOf(registrar.WriteProgramEnrollments, p)), k.created(orderOf(registrar.ListProgramEnrollments, p))
	attempt := k.claimed(id)
	k.must(k.store.SaveStep(ctx, other, k.claimed(other), 3, []byte("another's")))
	k.wantCode(k.store.SaveStep(ctx, id, 0, 0, nil), registrar.Conflict, "job_lost")

	k.must(k.store.SaveStep(ctx, id, attempt, 7, []byte("twice")))
	k.must(k.store.SaveStep(ctx, id, attempt, 7, []byte{0, 0xff, '"'}))
	k.must(k.store.SaveStep(ctx, id, attempt, 0, nil))
	steps, err := k.store.Steps(ctx, id)
	k.must(err)
	same(k, "steps", steps, map[int][]byte{0: {}, 7: {0, 0xff, '"'}})

	k.must(k.store.FinishJob(ctx, id, attempt, registrar.JobOutcome{State: registrar.JobSucceeded}))
	k.wantCode(k.store.SaveStep(ctx, id, attempt, 8, nil), registrar.Conflict, "job_lost")
	steps, err = k.store.Steps(ctx, id)
	k.must(err)
	same(k, "steps of a job that ended", len(steps), 0)
	steps, err = k.store.Steps(ctx, other)
	k.must(err)
	same(k, "steps of the other", len(steps), 1)
}

func handles(k *kit) {
	db, pool := k.store.Handles()
	k.must(db.PingContext(k.Context()))
	same(k, "a pool", pool != nil, strings.HasPrefix(k.dsn, "postgres:"))
}
