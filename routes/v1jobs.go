package routes

import (
	"context"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"

	"registrar/internal/registrar"
)

// v1JobStatus is a job as v1 shows it. A failed one has neither result nor text;
// why it failed stands in v3 alone.
type v1JobStatus struct {
	ID      registrar.JobID    `json:"job_id"`
	Name    string             `json:"name"`
	Created string             `json:"created"`
	State   registrar.JobState `json:"state"`
	Result  *string            `json:"result"`
	Text    *string            `json:"text"`
}

// v1Jobs lists the caller's own jobs that are not finished, the oldest first.
// Who may read all jobs finds nobody else's here either.
func (a *API) v1Jobs(v version) fiber.Handler {
	return func(c *fiber.Ctx) error {
		ctx := c.UserContext()
		event(c, v, "list_job_statuses")
		who, err := caller(ctx)
		if err != nil {
			return err
		}
		jobs, _, err := a.deps.Jobs.Jobs(ctx, registrar.JobFilter{Owner: who.Username, States: processing()})
		if err != nil {
			return err
		}
		list := make([]v1JobStatus, len(jobs))
		for i, job := range jobs {
			if list[i], err = a.v1StatusOf(ctx, job); err != nil {
				return err
			}
		}
		return sendV1(c, fiber.StatusOK, list)
	}
}

// processing lists the states of jobs that may still do something.
func processing() []registrar.JobState {
	return slices.DeleteFunc(registrar.JobStates(), func(s registrar.JobState) bool { return !s.Processing() })
}

// v1Job answers one job.
func (a *API) v1Job(v version) fiber.Handler {
	return func(c *fiber.Ctx) error {
		job, err := a.visibleJob(c, event(c, v, "get_job_status"))
		if err != nil {
			return err
		}
		status, err := a.v1StatusOf(c.UserContext(), job)
		if err != nil {
			return err
		}
		touchResults(c, job)
		return sendV1(c, fiber.StatusOK, status)
	}
}

// visibleJob finds the job of the path, for its owner and for who may read all:
// 401, then 404, then 403.
func (a *API) visibleJob(c *fiber.Ctx, note *registrar.Activity) (registrar.Job, error) {
	ctx := c.UserContext()
	who, err := caller(ctx)
	if err != nil {
		return registrar.Job{}, err
	}
	id, err := jobID(c)
	if err != nil {
		return registrar.Job{}, err
	}
	note.Tell("job_id", string(id))
	job, err := a.findJob(ctx, id)
	if err != nil {
		if registrar.KindOf(err) == registrar.NotFound {
			note.Failed("job_not_found")
		}
		return registrar.Job{}, err
	}
	if job.Owner != who.Username && !readsAllJobs(who) {
		lacking(note, "core."+string(registrar.ReadAllJobs))
		return registrar.Job{}, forbidden()
	}
	note.Tell("job_state", string(job.State))
	return job, nil
}

// findJob spares the store what has the letters of an id and not its form.
func (a *API) findJob(ctx context.Context, id registrar.JobID) (registrar.Job, error) {
	if !isUUID(string(id)) {
		return registrar.Job{}, notFound(nil)
	}
	return a.deps.Jobs.Job(ctx, id)
}

// readsAllJobs looks at global grants alone: a grant of the kind on a school or
// program means nothing.
func readsAllJobs(who registrar.Principal) bool {
	return who.Superuser || slices.Contains(who.Grants.Global, registrar.ReadAllJobs)
}

func (a *API) v1StatusOf(ctx context.Context, job registrar.Job) (v1JobStatus, error) {
	result, err := a.resultLink(ctx, job)
	return v1JobStatus{
		ID: job.ID, Name: job.Name, Created: microsecond(job.Created), State: job.State, Result: result, Text: orNull(job.Text),
	}, err
}

// jobURL is the address of a job in v, as the outside knows it.
func (a *API) jobURL(c *fiber.Ctx, v version, id registrar.JobID) string {
	root := a.config.APIRoot
	if root == "" {
		root = utils.CopyString(c.BaseURL()) + "/api"
	}
	return root + "/" + string(v) + "/jobs/" + string(id)
}

// microsecond writes t in UTC as the original does: with six digits of a second,
// or none when all are zero.
func microsecond(t time.Time) string {
	t = t.UTC().Truncate(time.Microsecond)
	if t.Nanosecond() == 0 {
		return t.Format("2006-01-02T15:04:05Z")
	}
	return t.Format("2006-01-02T15:04:05.000000Z")
}
