package jobs

import (
	"context"
	"io"
	"log/slog"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"registrar/internal/registrar"
)

// upload sends the rows of an upload to the LMS and writes what became of them.
// Rows that the LMS refuses are results; the job succeeds.
func (a *attempt) upload(ctx context.Context) (registrar.JobOutcome, error) {
	gs := newGroups(a.order)
	if err := a.readUpload(ctx, gs.take); err != nil {
		return registrar.JobOutcome{}, err
	}
	gs.number()
	reports, err := a.send(ctx, gs)
	if err != nil {
		return registrar.JobOutcome{}, err
	}
	outcome := registrar.JobOutcome{
		State: registrar.JobSucceeded, Result: resultName(a.job.ID, registrar.CSVFile), Text: gs.text(reports),
	}
	form := sheet{format: registrar.CSVFile, header: gs.header()}
	err = a.queue.store(ctx, outcome.Result, form.contentType(), func(w io.Writer) error {
		return a.writeResults(ctx, &sheetFile{sheet: form, w: w}, gs, reports)
	})
	return outcome, err
}

// send writes all groups, as many at a time as the batches in flight allow, and
// returns their reports in the groups' order. Unknown course runs stay zero.
func (a *attempt) send(ctx context.Context, gs *groups) ([]registrar.WriteReport, error) {
	stored, err := a.queue.deps.Store.Steps(ctx, a.job.ID)
	if err != nil {
		return nil, err
	}
	reports := make([]registrar.WriteReport, len(gs.all))
	most := int64(a.queue.cfg.Batches)
	places := semaphore.NewWeighted(most)
	sending, others := errgroup.WithContext(ctx)
	for i, g := range gs.all {
		if !g.known() || len(g.rows) == 0 {
			continue
		}
		need := min(int64(batchesOf(len(g.rows))), most)
		if places.Acquire(others, need) != nil {
			break // another group failed, or the job is over; Wait says which
		}
		sending.Go(func() error {
			defer places.Release(need)
			return safely(func() (err error) {
				reports[i], err = a.sendGroup(others, g, stored)
				return err
			})
		})
	}
	if err := sending.Wait(); err != nil {
		return nil, err
	}
	return reports, context.Cause(ctx)
}

func (a *attempt) sendGroup(ctx context.Context, g *group, stored map[int][]byte) (registrar.WriteReport, error) {
	write := registrar.EnrollmentWrite{Method: "PUT", Program: a.order.Program, Run: g.run, Rows: g.rows}
	if g.run == nil {
		write.Curriculum = a.order.Curriculum
	}
	return a.queue.deps.Enroller.Write(ctx, write, &batches{attempt: a, first: g.first, stored: stored})
}

func (a *attempt) writeResults(ctx context.Context, file *sheetFile, gs *groups, reports []registrar.WriteReport) error {
	if err := file.open(); err != nil {
		return err
	}
	strangers := 0
	for i, g := range gs.all {
		if !g.known() {
			if err := g.refused(file, gs.staff); err != nil {
				return err
			}
			continue
		}
		n, err := g.results(reports[i], file, gs.staff)
		if err != nil {
			return err
		}
		strangers += n
	}
	if strangers > 0 {
		a.log().WarnContext(ctx, "the LMS answered an upload with learners who were not sent", slog.Int("learners", strangers))
	}
	return file.close()
}

// header names the columns: those that the uploader had, as far as they are ours.
func (g *groups) header() []string {
	header := []string{"student_key", "status"}
	if g.order.Kind == registrar.WriteCourseEnrollments {
		header = append([]string{"course_id"}, header...)
	}
	if g.staff {
		header = append(header, "course_staff")
	}
	return header
}

// text sums the reports up. Rows of which nothing is known to be good are bad.
func (g *groups) text(reports []registrar.WriteReport) string {
	var t tally
	for i, of := range g.all {
		if len(of.rows) == 0 {
			continue
		}
		t.good = t.good || reports[i].Good
		t.bad = t.bad || reports[i].Bad || !reports[i].Good
	}
	return t.text()
}
