package routes

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// From outside no table can be made to panic, so this looks from within.
func TestStreamContainsPanics(t *testing.T) {
	t.Parallel()
	var told []error
	s := &stream{
		render: func(out *sheet) error {
			out.WriteString(strings.Repeat("x", chunk))
			if err := out.pass(); err != nil {
				return err
			}
			panic("canary")
		},
		failed: func(err error) { told = append(told, err) },
	}
	body, err := io.ReadAll(s)
	if err == nil || len(body) != chunk {
		t.Errorf("%d bytes and error %v, want the first chunk and an error", len(body), err)
	}
	if _, again := s.Read(make([]byte, 1)); again == nil || errors.Is(again, io.EOF) {
		t.Errorf("reading on gives %v, want the error again", again)
	}
	if len(told) != 1 {
		t.Fatalf("told %d times, want once", len(told))
	}
	if strings.Contains(told[0].Error(), "canary") {
		t.Errorf("the log would show what was panicked with: %v", told[0])
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestStreamCanBeClosedAtAnyPoint(t *testing.T) {
	t.Parallel()
	ended := false
	s := &stream{render: func(out *sheet) error {
		defer func() { ended = true }()
		for {
			out.WriteString("row")
			if err := out.pass(); err != nil {
				return err
			}
		}
	}}
	if err := s.Close(); err != nil {
		t.Errorf("before the first read: %v", err)
	}
	if _, err := io.ReadFull(s, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil || !ended {
		t.Errorf("in the middle: %v, rendering ended: %t", err, ended)
	}
}
