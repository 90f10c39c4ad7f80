package routes

import (
	"time"

	"registrar/internal/registrar"
)

// provenance ends the body of every composed answer: whether it is whole, and
// where each part came from.
type provenance struct {
	Complete bool     `json:"complete"`
	Sources  []source `json:"sources"`
}

// source is a [registrar.Source] as callers see it.
type source struct {
	Name       registrar.SourceName  `json:"name"`
	ProgramKey registrar.ProgramKey  `json:"program_key,omitempty"`
	CourseKey  string                `json:"course_key,omitempty"`
	State      registrar.SourceState `json:"state"`
	FetchedAt  *string               `json:"fetched_at"`
	AgeSeconds *int64                `json:"age_seconds"`
	Code       string                `json:"code,omitempty"`
	Retryable  *bool                 `json:"retryable,omitempty"`
}

// parts is a report without its value: all that the headers are made of.
type parts = registrar.Report[struct{}]

// partsOf joins the sources of one or more reports, in their order.
func partsOf(sources ...[]registrar.Source) parts {
	var all parts
	for _, s := range sources {
		all.Sources = append(all.Sources, s...)
	}
	return all
}

func provenanceOf(p parts, now time.Time) provenance {
	out := provenance{Complete: p.Complete(), Sources: make([]source, len(p.Sources))}
	for i, s := range p.Sources {
		out.Sources[i] = sourceOf(s, now)
	}
	return out
}

// sourceOf leaves out why a source failed: its error may name hosts or people.
// The code and whether to try again are all that callers need.
func sourceOf(s registrar.Source, now time.Time) source {
	out := source{
		Name: s.Name, ProgramKey: s.Program, CourseKey: s.Course.String(),
		State: s.State, FetchedAt: instant(s.FetchedAt),
	}
	if !s.FetchedAt.IsZero() {
		age := seconds(now.Sub(s.FetchedAt))
		out.AgeSeconds = &age
	}
	if s.State == registrar.SourceFailed {
		retryable := registrar.Retryable(s.Err)
		out.Code, out.Retryable = registrar.CodeOf(s.Err), &retryable
	}
	return out
}

// seconds counts whole seconds, never below zero: another machine's clock may
// run ahead of ours.
func seconds(d time.Duration) int64 { return max(0, int64(d/time.Second)) }

// instant is t in UTC to the second, or null for the zero time.
func instant(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := t.UTC().Format(time.RFC3339)
	return &text
}

// orNull turns the empty text, which in the vocabulary means "none", into null.
func orNull[T ~string](text T) *T {
	if text == "" {
		return nil
	}
	return &text
}
