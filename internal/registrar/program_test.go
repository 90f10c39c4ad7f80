package registrar_test

import (
	"testing"

	"registrar/internal/registrar"
)

func courseKey(t *testing.T, text string) registrar.CourseKey {
	t.Helper()
	key, err := registrar.ParseCourseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestRun(t *testing.T) {
	t.Parallel()

	one, two, old := courseKey(t, "course-v1:N+C1+R"), courseKey(t, "course-v1:N+C2+R"), courseKey(t, "N/C3/R")
	bare := courseKey(t, "course-v1:N+C4+R") // has no external key, which "" must not match
	details := registrar.ProgramDetails{Curricula: []registrar.Curriculum{
		{UUID: "retired", Runs: []registrar.CourseRun{{Key: courseKey(t, "course-v1:N+C9+R")}}},
		{UUID: "current", Active: true, Runs: []registrar.CourseRun{
			{Key: one, ExternalKey: "MATH 205.F26"}, {Key: two, ExternalKey: "shared"}, {Key: old, ExternalKey: "shared"}, {Key: one}, {Key: bare},
		}},
		{UUID: "also active", Active: true},
	}}
	cases := map[registrar.CourseID]struct {
		want registrar.CourseKey
		kind registrar.Kind
	}{
		"course-v1:N+C1+R": {want: one},
		"course-v1:N C1 R": {want: one},
		"MATH 205.F26":     {want: one},
		"N/C3/R":           {want: old},
		"shared":           {kind: registrar.Conflict},
		"course-v1:N+C9+R": {kind: registrar.NotFound},
		"nonsense":         {kind: registrar.NotFound},
		"":                 {kind: registrar.NotFound},
	}
	for id, c := range cases {
		t.Run(string(id), func(t *testing.T) {
			t.Parallel()

			run, err := details.Run(id)
			if c.kind != "" {
				if err == nil || registrar.KindOf(err) != c.kind {
					t.Errorf("error = %v, want kind %s", err, c.kind)
				}
				return
			}
			if err != nil || run.Key != c.want {
				t.Errorf("run = %q, %v; want %q", run.Key, err, c.want)
			}
		})
	}
	if n := len(details.Runs()); n != 4 {
		t.Errorf("runs = %d, want 4: the active curriculum's, each once", n)
	}
}

func TestParseProgramUUID(t *testing.T) {
	t.Parallel()

	got, err := registrar.ParseProgramUUID(" 5B0F4A0E-6f0c-4a63-9a43-0d7c3f1b2a10\n")
	if err != nil || got != "5b0f4a0e-6f0c-4a63-9a43-0d7c3f1b2a10" {
		t.Errorf("uuid = %q, %v; want it in lower case", got, err)
	}
	for _, bad := range []string{"", "abc", "5b0f4a0e6f0c4a639a430d7c3f1b2a10", "5b0f4a0e-6f0c-4a63-9a43-0d7c3f1b2a1g"} {
		if _, err := registrar.ParseProgramUUID(bad); registrar.KindOf(err) != registrar.Invalid {
			t.Errorf("%q: error = %v, want kind invalid", bad, err)
		}
	}
}

func TestIsMasters(t *testing.T) {
	t.Parallel()

	for name, tc := range map[string]struct {
		details registrar.ProgramDetails
		want    bool
	}{
		"by slug":               {registrar.ProgramDetails{TypeSlug: "masters", Type: "Máster"}, true},
		"by name, no slug":      {registrar.ProgramDetails{Type: "Masters"}, true},
		"the slug decides":      {registrar.ProgramDetails{TypeSlug: "micromasters", Type: "Masters"}, false},
		"another name":          {registrar.ProgramDetails{Type: "MicroMasters"}, false},
		"nothing is known":      {registrar.ProgramDetails{}, false},
		"a name in translation": {registrar.ProgramDetails{Type: "masters"}, false},
	} {
		if got := tc.details.IsMasters(); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}
