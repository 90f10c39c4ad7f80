package lms_test

import (
	"encoding/json"
	"iter"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/registrar"
	"registrar/internal/simulator"
	"registrar/internal/upstream"
	"registrar/internal/upstream/discovery"
	"registrar/internal/upstream/lms"
)

// site starts a whole simulated site, token endpoint included, and returns
// clients of its LMS and its Discovery.
func site(t *testing.T, build simulator.Build, cfg lms.Config) (*lms.Client, *discovery.Client) {
	t.Helper()
	s, err := simulator.New(simulator.Options{Build: build})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	worker := s.Clients()[0]
	tokens, err := upstream.NewTokens(upstream.TokenConfig{BaseURL: server.URL, ClientID: worker.ID, ClientSecret: worker.Secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tokens.Close)
	up, err := upstream.New(upstream.Config{BaseURL: server.URL}, tokens, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(up.Close)
	c, err := lms.New(up, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c, discovery.New(up, discovery.Config{PageSize: 2})
}

func TestWholeSite(t *testing.T) {
	t.Parallel()
	tests := map[string]simulator.Build{
		"recent":                {},
		"old build":             {OldBuild: true},
		"without plugin":        {NoAggregator: true},
		"behind a proxy":        {WrongNextScheme: true},
		"with deleted programs": {DeletedProgram: true},
	}
	for name, build := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, d := site(t, build, lms.Config{PageSize: 7, GradesPageSize: 7})
			programs, err := d.Programs(t.Context())
			if err != nil || len(programs) < 4 {
				t.Fatalf("%d programs, %v", len(programs), err)
			}
			if organizations, err := d.Organizations(t.Context()); err != nil || len(organizations) != 2 {
				t.Errorf("organizations = %v, %v", organizations, err)
			}
			details, err := d.Program(t.Context(), simulator.MastersCSUUID)
			if err != nil || !details.IsMasters() || len(details.Runs()) == 0 {
				t.Fatalf("program = %+v, %v", details, err)
			}
			enrollments, err := c.ProgramEnrollments(t.Context(), details.UUID)
			if err != nil || len(enrollments) < 50 {
				t.Fatalf("%d enrollments, %v", len(enrollments), err)
			}
			tour(t, c, details.UUID, details.Runs()[0].Key, enrollments, build)
		})
	}
}

// tour asks for everything about one course run and one linked learner.
func tour(t *testing.T, c *lms.Client, program registrar.ProgramUUID, run registrar.CourseKey, enrollments []registrar.ProgramEnrollment, build simulator.Build) {
	t.Helper()
	ctx := t.Context()
	rows, err := c.CourseEnrollments(ctx, program, run)
	if err != nil || len(rows) == 0 {
		t.Errorf("%d course enrollments, %v", len(rows), err)
	}
	grades, err := c.CourseGrades(ctx, program, run)
	if err != nil || len(grades) == 0 || len(grades) > len(rows) {
		t.Errorf("%d grades, %v", len(grades), err)
	}
	var keys []registrar.StudentKey
	for _, e := range enrollments {
		if known := e.Account.Username != ""; known == build.OldBuild && e.Account.State == registrar.Linked {
			t.Errorf("username known = %v in old build = %v", known, build.OldBuild)
		}
		keys = append(keys, e.StudentKey)
	}
	links, err := c.Links(ctx, "northu", keys)
	if err != nil || len(links) == 0 {
		t.Fatalf("%d links, %v", len(links), err)
	}
	names := []registrar.Username{links[0].Username}
	if account, err := c.Account(ctx, names[0]); err != nil || account.ID == 0 {
		t.Errorf("account %+v, %v", account, err)
	}
	if _, err := c.Certificates(ctx, names[0]); err != nil {
		t.Error(err)
	}
	if _, err := c.CourseCompletion(ctx, run, names); err != nil {
		t.Error(err)
	}
	if _, err := c.LearnerCompletion(ctx, names[0], run); err != nil && registrar.CodeOf(err) != "user_not_enrolled" {
		t.Error(err)
	}
	if _, err := c.LearnerGrade(ctx, names[0], run); err != nil && registrar.CodeOf(err) != "user_not_enrolled" {
		t.Error(err)
	}
}

func TestSiteThatTellsNothingOfCompletion(t *testing.T) {
	t.Parallel()
	c, d := site(t, simulator.Build{NoAggregator: true, ProgressOff: true}, lms.Config{})
	details, err := d.Program(t.Context(), simulator.MastersCSUUID)
	if err != nil {
		t.Fatal(err)
	}
	links, err := c.Links(t.Context(), "northu", []registrar.StudentKey{"S-0001"})
	if err != nil || len(links) != 1 {
		t.Fatalf("links = %v, %v", links, err)
	}
	_, err = c.LearnerCompletion(t.Context(), links[0].Username, details.Runs()[0].Key)
	wantFailure(t, err, registrar.NotFound, "completion_off")
	_, err = c.ProgramEnrollments(t.Context(), "00000000-0000-4000-8000-000000000000")
	wantFailure(t, err, registrar.Upstream, "program_not_in_lms")
}

// What was written stands in the listing, row by row as it was answered.
func TestWritesToASite(t *testing.T) {
	t.Parallel()
	c, d := site(t, simulator.Build{}, lms.Config{PageSize: 7, GradesPageSize: 7})
	details, err := d.Program(t.Context(), simulator.MastersCSUUID)
	if err != nil {
		t.Fatal(err)
	}
	curriculum, _ := details.ActiveCurriculum()
	course := details.Runs()[0].Key
	item := func(key, status string) registrar.WriteItem {
		return registrar.WriteItem{
			"student_key": json.RawMessage(strconv.Quote(key)), "status": json.RawMessage(strconv.Quote(status)),
			"curriculum_uuid": json.RawMessage(strconv.Quote(string(curriculum.UUID))),
		}
	}
	answer, err := c.WriteProgramEnrollments(t.Context(), "PUT", details.UUID, []registrar.WriteItem{item("new-1", "enrolled"), item("new-2", "suspended"), item("new-3", "lost")})
	want := registrar.WriteAnswer{Status: 207, Results: map[registrar.StudentKey]string{"new-1": "enrolled", "new-2": "suspended", "new-3": "invalid-status"}}
	if diff := cmp.Diff(want, answer); diff != "" || err != nil {
		t.Fatalf("%v %s", err, diff)
	}
	answer, err = c.WriteCourseEnrollments(t.Context(), "POST", details.UUID, course, []registrar.WriteItem{item("new-1", "active"), item("new-3", "active")})
	want = registrar.WriteAnswer{Status: 207, Results: map[registrar.StudentKey]string{"new-1": "active", "new-3": "not-in-program"}}
	if diff := cmp.Diff(want, answer); diff != "" || err != nil {
		t.Fatalf("%v %s", err, diff)
	}
	if got := statuses(t, c.ProgramEnrollmentPages(t.Context(), details.UUID)); got[`"new-1"`] != `"enrolled"` || got[`"new-2"`] != `"suspended"` || got[`"new-3"`] != "" {
		t.Errorf("the program lists %s, %s and %s", got[`"new-1"`], got[`"new-2"`], got[`"new-3"`])
	}
	if got := statuses(t, c.CourseEnrollmentPages(t.Context(), details.UUID, course)); got[`"new-1"`] != `"active"` || len(got) < 8 {
		t.Errorf("the course run lists %s among %d", got[`"new-1"`], len(got))
	}
	if pages, err := drained(c.GradePages(t.Context(), details.UUID, course)); err != nil || len(pages) < 2 || pages[0].Rows[0].StudentKey == nil {
		t.Errorf("%d pages of grades, %v", len(pages), err)
	}
}

// statuses are those of a whole listing, by student key.
func statuses(t *testing.T, pages iter.Seq2[registrar.LMSPage, error]) map[string]string {
	t.Helper()
	all, err := drained(pages)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, page := range all {
		for _, row := range page.Rows {
			got[string(row.StudentKey)] = string(row.Status)
		}
	}
	return got
}
