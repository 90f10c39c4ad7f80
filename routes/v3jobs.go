package routes

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// jobItem is a job with its history. Reason and code are null unless it failed.
type jobItem struct {
	ID       registrar.JobID       `json:"job_id"`
	Name     string                `json:"name"`
	Kind     registrar.JobKind     `json:"kind"`
	Program  *registrar.ProgramKey `json:"program_key"`
	Owner    registrar.Username    `json:"owner"`
	State    registrar.JobState    `json:"state"`
	Text     *string               `json:"text"`
	Reason   *string               `json:"reason"`
	Code     *string               `json:"code"`
	Attempts int                   `json:"attempts"`
	Created  string                `json:"created"`
	Started  *string               `json:"started"`
	Finished *string               `json:"finished"`
	URL      string                `json:"job_url"`
	Result   *string               `json:"result"`
}

// jobs lists the caller's jobs, finished ones too, or everybody's to who may
// read all.
func (a *API) jobs(c *fiber.Ctx) error {
	ctx := c.UserContext()
	event(c, v3, "list_job_statuses")
	who, err := caller(ctx)
	if err != nil {
		return err
	}
	query, w, err := a.pagedQuery(c)
	if err != nil {
		return err
	}
	filter, err := jobFilter(query)
	if err != nil {
		return err
	}
	if !readsAllJobs(who) {
		filter.Owner = who.Username
	}
	shown, err := a.jobPage(ctx, filter, w)
	if err != nil {
		return err
	}
	items := make([]jobItem, len(shown.rows))
	for i, job := range shown.rows {
		if items[i], err = a.jobItemOf(c, job); err != nil {
			return err
		}
	}
	touchResults(c, shown.rows...)
	list := cut[jobItem]{rows: items, count: shown.count, number: shown.number, pages: shown.pages}
	return sendTagged(c, pageOf(c, query, list, asItIs[jobItem]))
}

// job answers one job, and when to ask again while it may still change.
func (a *API) job(c *fiber.Ctx) error {
	job, err := a.visibleJob(c, event(c, v3, "get_job_status"))
	if err != nil {
		return err
	}
	if err := takesJSON(c); err != nil {
		return err
	}
	item, err := a.jobItemOf(c, job)
	if err != nil {
		return err
	}
	touchResults(c, job)
	if job.State.Processing() {
		c.Set(fiber.HeaderRetryAfter, strconv.FormatInt(patience(a.config.Now().Sub(job.Created)), 10))
	}
	return sendTagged(c, item)
}

// patience is how many seconds to wait before asking again after a job of this
// age: it grows with the job, so that nobody waits for long in vain, nor asks a
// hundred times.
func patience(age time.Duration) int64 { return min(max(seconds(age)/4, 1), 30) }

// jobPage asks the book for the page alone: a history grows without end.
func (a *API) jobPage(ctx context.Context, filter registrar.JobFilter, w window) (cut[registrar.Job], error) {
	filter.Limit = w.size
	if w.number == 0 {
		_, total, err := a.deps.Jobs.Jobs(ctx, registrar.JobFilter{
			Owner: filter.Owner, Program: filter.Program, Kind: filter.Kind, States: filter.States,
			Since: filter.Since, Until: filter.Until, Limit: 1,
		})
		if err != nil {
			return cut[registrar.Job]{}, err
		}
		w.number = pagesOf(total, w.size)
	}
	if w.number-1 > math.MaxInt32/w.size {
		return cut[registrar.Job]{}, invalidPage(nil)
	}
	filter.Offset = (w.number - 1) * w.size
	jobs, total, err := a.deps.Jobs.Jobs(ctx, filter)
	if err != nil {
		return cut[registrar.Job]{}, err
	}
	if len(jobs) == 0 && w.number > 1 {
		return cut[registrar.Job]{}, invalidPage(nil)
	}
	return cut[registrar.Job]{rows: jobs, count: total, number: w.number, pages: pagesOf(total, w.size)}, nil
}

// jobFilter reads what the list is narrowed by. Empty values mean that the caller
// did not ask.
func jobFilter(query url.Values) (registrar.JobFilter, error) {
	f := registrar.JobFilter{Program: registrar.ProgramKey(query.Get("program")), Kind: registrar.JobKind(query.Get("kind"))}
	if f.Program != "" && !f.Program.Valid() {
		return f, invalid("malformed_program_key", "A program key is made of letters, digits, \"-\" and \"_\".", nil)
	}
	if f.Kind != "" && !slices.Contains(jobKinds(), f.Kind) {
		return f, invalid("unknown_kind", "The values of \"kind\" are "+enumerated(jobKinds())+".", nil)
	}
	for _, text := range query["state"] {
		state := registrar.JobState(text)
		switch {
		case text == "":
		case slices.Contains(registrar.JobStates(), state):
			f.States = append(f.States, state)
		default:
			return f, invalid("unknown_state", "The values of \"state\" are "+enumerated(registrar.JobStates())+".", nil)
		}
	}
	var err error
	if f.Since, err = timeOf(query, "since"); err != nil {
		return f, err
	}
	f.Until, err = timeOf(query, "until")
	return f, err
}

func jobKinds() []registrar.JobKind {
	return []registrar.JobKind{
		registrar.ListProgramEnrollments, registrar.ListCourseEnrollments, registrar.ListAllCourseEnrollments,
		registrar.GetCourseGrades, registrar.WriteProgramEnrollments, registrar.WriteCourseEnrollments,
	}
}

// timeOf reads an instant, or a day, which begins at midnight in UTC.
func timeOf(query url.Values, name string) (time.Time, error) {
	// A space can only be the plus of a zone that was not encoded.
	text := strings.ReplaceAll(query.Get(name), " ", "+")
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, invalid("malformed_time",
		fmt.Sprintf("%q is a time such as 2026-03-02T08:21:56Z, or a day such as 2026-03-02.", name), nil)
}

func (a *API) jobItemOf(c *fiber.Ctx, job registrar.Job) (jobItem, error) {
	result, err := a.resultLink(c.UserContext(), job)
	return jobItem{
		ID: job.ID, Name: job.Name, Kind: job.Kind, Program: orNull(job.Program), Owner: job.Owner, State: job.State,
		Text: orNull(job.Text), Reason: orNull(job.Reason), Code: orNull(job.Code), Attempts: job.Attempt,
		Created: microsecond(job.Created), Started: moment(job.Started), Finished: moment(job.Finished),
		URL: a.jobURL(c, v3, job.ID), Result: result,
	}, err
}

// moment is t to the microsecond, or null for the zero time.
func moment(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return orNull(microsecond(t))
}

// sendTagged sends what came from the link store alone: its tag is that of its
// bytes, links included, and it has no age.
func sendTagged(c *fiber.Ctx, body any) error {
	text, err := encode(body)
	if err != nil {
		return fmt.Errorf("routes: answer: %w", err)
	}
	sum := sha256.Sum256(text)
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	c.Set(fiber.HeaderETag, tag)
	c.Set(fiber.HeaderCacheControl, "private, no-cache")
	c.Vary(fiber.HeaderAccept, fiber.HeaderAuthorization)
	if matches(c.Get(fiber.HeaderIfNoneMatch), tag) {
		c.Status(fiber.StatusNotModified)
		return nil
	}
	c.Set(fiber.HeaderContentType, asJSON.contentType())
	return c.Send(text)
}
