package jobs

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"iter"
	"log/slog"

	"github.com/google/uuid"

	"registrar/internal/registrar"
)

// Submit takes an order for an export. When it returns, the job exists and will
// be done.
func (q *Queue) Submit(ctx context.Context, order registrar.JobOrder) (registrar.JobID, error) {
	if order.Kind.Writes() {
		return "", registrar.Fail(registrar.Invalid, "An upload comes with rows.", nil)
	}
	id, err := newID()
	if err != nil {
		return "", err
	}
	return id, q.create(ctx, id, order)
}

// SubmitUpload takes an order for an upload and its rows, which are stored as
// they come. An error among rows comes back as it is, and then nothing was
// ordered. A second upload to a program, while one is processing, is Conflict.
func (q *Queue) SubmitUpload(ctx context.Context, order registrar.JobOrder, rows iter.Seq2[registrar.UploadRow, error]) (registrar.JobID, error) {
	if !order.Kind.Writes() {
		return "", registrar.Fail(registrar.Invalid, "An export has no rows.", nil)
	}
	order.Format = registrar.CSVFile
	id, err := newID()
	if err != nil {
		return "", err
	}
	err = q.store(ctx, uploadName(id), "application/json", func(w io.Writer) error {
		return writeUpload(w, rows, order.WithStaff)
	})
	if err != nil {
		return "", err
	}
	// Only the store's uniqueness decides whether the program is free, so the file
	// is there first and goes again.
	if err := q.create(ctx, id, order); err != nil {
		q.discard(ctx, id)
		return "", err
	}
	return id, nil
}

func (q *Queue) create(ctx context.Context, id registrar.JobID, order registrar.JobOrder) error {
	job := registrar.Job{
		ID: id, Owner: order.Owner, Kind: order.Kind, Name: order.Name(), Program: order.Program.Key, State: registrar.JobPending,
	}
	err := q.deps.Store.CreateJob(ctx, job, order, func(ctx context.Context, tx *sql.Tx) error {
		return q.enqueue(ctx, tx, id, order.Kind)
	})
	if err != nil {
		return describe(id, err)
	}
	return nil
}

// discard deletes the rows of an upload that became no job.
func (q *Queue) discard(ctx context.Context, id registrar.JobID) {
	ctx, cancel := closing(ctx)
	defer cancel()
	if err := q.deps.Files.Delete(ctx, uploadName(id)); err != nil {
		q.deps.Log.ErrorContext(ctx, "the rows of a refused upload could not be deleted",
			slog.String("file", uploadName(id)), slog.Any("error", err))
	}
}

// store creates a file. An error of write comes back as it is, so that its kind
// and words stay; any other is trouble with the files.
func (q *Queue) store(ctx context.Context, name, contentType string, write func(io.Writer) error) error {
	var cause error
	err := q.deps.Files.Create(ctx, name, contentType, func(w io.Writer) error {
		cause = write(w)
		return cause
	})
	switch {
	case cause != nil:
		return cause
	case err != nil:
		return fmt.Errorf("jobs: create file: %w", err)
	}
	return nil
}

func newID() (registrar.JobID, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return "", fmt.Errorf("jobs: id: %w", err)
	}
	return registrar.JobID(id.String()), nil
}

// Where the files of jobs are.
const (
	uploadFolder = "uploads"
	resultFolder = "job-results"
)

func uploadName(id registrar.JobID) string { return fmt.Sprintf("%s/%s.json", uploadFolder, id) }

func resultName(id registrar.JobID, format registrar.FileFormat) string {
	return fmt.Sprintf("%s/%s.%s", resultFolder, id, format)
}
