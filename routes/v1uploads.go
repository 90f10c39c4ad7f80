package routes

import (
	"iter"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// v1Upload starts a job that writes the rows of a CSV file.
func (a *API) v1Upload(v version, kind registrar.JobKind) fiber.Handler {
	return func(c *fiber.Ctx) error {
		note := uploadEvent(c, v, kind)
		in, err := a.permitV1(c, note, registrar.WriteEnrollments)
		if err != nil {
			return err
		}
		file, err := uploadedFile(c)
		if err != nil {
			return refused(note, err)
		}
		id, err := a.startUpload(c, note, a.uploadOrder(in, kind), file)
		if err != nil {
			return refused(note, err)
		}
		return a.accepted(c, v, id)
	}
}

func uploadEvent(c *fiber.Ctx, v version, kind registrar.JobKind) *registrar.Activity {
	if kind == registrar.WriteCourseEnrollments {
		return event(c, v, "upload_course_enrollments")
	}
	return event(c, v, "upload_program_enrollments")
}

// uploadOrder is what an upload of kind needs to know of the program. Rows may
// name any of its course runs.
func (a *API) uploadOrder(in entry, kind registrar.JobKind) registrar.JobOrder {
	active, _ := in.details.ActiveCurriculum()
	return registrar.JobOrder{
		Kind: kind, Owner: in.caller.Username, Program: in.program, Curriculum: active.UUID, Runs: v1Runs(in.details),
		Format:    registrar.CSVFile,
		WithStaff: kind == registrar.WriteCourseEnrollments && a.config.Flags().Staff.On(staffFlag, in.caller),
	}
}

// startUpload hands the rows of file on. A job in the way is told before what is
// wrong with the file; one that got there in between is found by the store.
func (a *API) startUpload(c *fiber.Ctx, note *registrar.Activity, order registrar.JobOrder, file []byte) (registrar.JobID, error) {
	ctx := c.UserContext()
	switch _, err := a.deps.Jobs.WriteJobOf(ctx, order.Program.Key); {
	case err == nil:
		return "", writeInProgress(nil)
	case registrar.KindOf(err) != registrar.NotFound:
		return "", err
	}
	upload := registrar.Touch{Kind: registrar.TouchUpload, Program: order.Program.Key}
	rows := uploadRows(file, uploadColumnsOf(order.Kind, order.WithStaff))
	id, err := a.deps.Submitter.SubmitUpload(ctx, order, withKeys(rows, func(keys []registrar.StudentKey) {
		// A file without rows touches nobody, which an empty list would not say.
		if upload.Learner = keys; len(keys) > 0 {
			note.Touched(upload)
		}
	}))
	if registrar.CodeOf(err) == "write_job_in_progress" {
		return "", writeInProgress(err)
	}
	if upload.Job = id; err == nil && len(upload.Learner) > 0 {
		note.Touched(upload)
	}
	return id, err
}

// withKeys passes rows on, and tells whose they are, each once, when all of them are
// read. A file with a mistake touches nobody.
func withKeys(rows iter.Seq2[registrar.UploadRow, error], tell func([]registrar.StudentKey)) iter.Seq2[registrar.UploadRow, error] {
	return func(yield func(registrar.UploadRow, error) bool) {
		var keys []registrar.StudentKey
		seen := make(map[registrar.StudentKey]bool)
		for row, err := range rows {
			if key := registrar.StudentKey(row.StudentKey); !seen[key] {
				seen[key] = true
				keys = append(keys, key)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
		tell(keys)
	}
}

// writeInProgress refuses a second write job of a program.
func writeInProgress(cause error) error {
	return &registrar.Error{
		Kind: registrar.Conflict, Code: "write_job_in_progress", Detail: "Job already in progress for program",
		Shape: registrar.DetailText, Err: cause,
	}
}
