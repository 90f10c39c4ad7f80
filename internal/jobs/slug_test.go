package jobs_test

import (
	"strings"
	"testing"

	"registrar/internal/jobs"
	"registrar/internal/registrar"
)

func TestWholeSlugKey(t *testing.T) {
	t.Parallel()

	for slug, want := range map[string]registrar.ProgramKey{
		"nonslug/marketing/key-format": "nonslug-marketing-key-format",
		"/masters/NorthU/CS_1/":        "masters-northu-cs_1",
		"Masters in Català":            "masters-in-catal",
		"":                             "",
		"///":                          "",
		strings.Repeat("x", 300):       registrar.ProgramKey(strings.Repeat("x", 255)),
	} {
		if got := jobs.WholeSlugKey(slug); got != want || want != "" && !got.Valid() {
			t.Errorf("WholeSlugKey(%q) = %q, want %q", slug, got, want)
		}
	}
}
