package jobs

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"registrar/internal/registrar"
)

// writeUpload stores rows as a JSON array, as they come. Without staff the column
// course_staff is left out: it was not the caller's to write.
func writeUpload(w io.Writer, rows iter.Seq2[registrar.UploadRow, error], staff bool) error {
	out := bufio.NewWriter(w)
	between := "["
	for row, err := range rows {
		if err != nil {
			return err
		}
		if !staff {
			row.Staff = nil
		}
		line, err := json.Marshal(row)
		if err != nil {
			return fmt.Errorf("jobs: upload row: %w", err)
		}
		_, _ = out.WriteString(between) // errors stay with the writer until Flush
		_, _ = out.Write(line)
		between = ",\n"
	}
	if between == "[" {
		_, _ = out.WriteString(between)
	}
	_, _ = out.WriteString("]")
	return out.Flush()
}

// readUpload hands on the rows of an upload one by one. A file that is gone or
// damaged ends the job; one that cannot be reached does not.
func (a *attempt) readUpload(ctx context.Context, take func(registrar.UploadRow)) error {
	file, err := a.queue.deps.Files.Open(ctx, uploadName(a.job.ID))
	switch {
	case isKind(err, registrar.NotFound):
		return &failure{code: "upload_missing", reason: "The uploaded rows are not stored any more.", err: err}
	case err != nil:
		return fmt.Errorf("jobs: open upload: %w", err)
	}
	defer file.Close()
	return decodeUpload(&source{Reader: file}, take)
}

// source remembers that reading failed, which is not the content's fault.
type source struct {
	io.Reader
	err error
}

// Read keeps the error.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

func decodeUpload(file *source, take func(registrar.UploadRow)) error {
	decoder := json.NewDecoder(file)
	err := expect(decoder, '[')
	for err == nil && decoder.More() {
		var row registrar.UploadRow
		if err = decoder.Decode(&row); err == nil {
			take(row)
		}
	}
	if err == nil {
		err = expect(decoder, ']')
	}
	switch {
	case file.err != nil:
		return fmt.Errorf("jobs: read upload: %w", file.err)
	case err != nil:
		// Not the decoder's words, which may quote a value.
		return &failure{code: "upload_damaged", reason: "The uploaded rows cannot be read any more."}
	}
	return nil
}

func expect(decoder *json.Decoder, want json.Delim) error {
	token, err := decoder.Token()
	if err == nil && token != want {
		err = errors.New("no array")
	}
	return err
}
