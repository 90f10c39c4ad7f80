package simulator_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/simulator"
)

const (
	listPath = "/api/enrollment/v1/enrollments/"
	seatPath = "/api/enrollment/v1/enrollment"
)

func TestEnrollmentListFilters(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{EnrollmentPerMinute: -1})
	for name, tc := range map[string]struct {
		query string
		want  func(map[string]any) bool
	}{
		"course":    {"course_id=" + url.QueryEscape(csRun), func(r map[string]any) bool { return r["course_id"] == csRun }},
		"substring": {"course_ids=MATH,CS501", func(r map[string]any) bool { return r["course_id"] == csRun || r["course_id"] == mathRun }},
		"user":      {"username=" + ana, func(r map[string]any) bool { return r["user"] == ana }},
		"e-mail":    {"email=" + ana + "@northu.example.edu", func(r map[string]any) bool { return r["user"] == ana }},
		"both":      {"username=" + ana + "&course_id=" + url.QueryEscape(csRun), func(r map[string]any) bool { return r["user"] == ana && r["course_id"] == csRun }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows := s.get(listPath + "?" + tc.query).status(200).page().Results
			if len(rows) == 0 {
				t.Error("nothing found")
			}
			last := "9"
			for _, r := range rows {
				created, _ := r["created"].(string)
				if !tc.want(r) || created >= last || len(r) != 5 {
					t.Errorf("row %v after %s: want the filter to hold and newest first", r, last)
				}
				last = created
			}
		})
	}
	for _, none := range []string{"username=nobody", "email=a@b.c", "course_id=course-v1%3AA%2BB%2BC"} {
		if got := s.get(listPath + "?" + none).status(200).page().Results; len(got) != 0 {
			t.Errorf("%s found %v", none, got)
		}
	}
	for field, query := range map[string]string{
		"course_id": "course_id=" + csRun, "username": "username=a%20b", "email": "email=ab", "course_ids": "course_ids=" + strings.Repeat("a,", 101),
	} {
		errs, _ := s.get(listPath + "?" + query).status(400).object()["field_errors"].(map[string]any)
		if _, ok := errs[field]; !ok {
			t.Errorf("%s: field_errors = %v", query, errs)
		}
	}
	s.as("plain-worker", listPath).status(403)
}

func TestEnrollmentThrottle(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		build simulator.Build
		want  string
	}{"most releases": {simulator.Build{}, ""}, "newer": {simulator.Build{ListRetryAfter: true}, "60"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			s := start(t, simulator.Options{Now: clock.Now, Build: tc.build})
			for range 120 {
				s.get(listPath + "?username=nobody").status(200)
			}
			a := s.get(listPath).status(429)
			if got := a.object()["developer_message"]; got != "Request was throttled. Expected available in 60 seconds." || a.header.Get("Retry-After") != tc.want {
				t.Errorf("429 = %v, Retry-After %q", got, a.header.Get("Retry-After"))
			}
			// The counter is the user's, over all views; this one is plain DRF.
			a = s.get(seatPath + "?user=" + ana).status(429)
			if got := a.object()["detail"]; got == nil || a.header.Get("Retry-After") != "60" {
				t.Errorf("429 = %v, Retry-After %q", got, a.header.Get("Retry-After"))
			}
			header := bearing("JWT", s.jwt)
			header.Set("X-Edx-Api-Key", simulator.APIKey)
			s.send("GET", listPath, header, "").status(200)
			clock.advance(time.Minute)
			s.get(listPath).status(200)
		})
	}
}

func TestEnrollmentOfOne(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{EnrollmentPerMinute: -1})
	got := s.get(seatPath + "/" + ana + "," + csRun).status(200).object()
	details, _ := got["course_details"].(map[string]any)
	if got["user"] != ana || got["mode"] != "masters" || details["course_id"] != csRun || details["pacing_type"] != "Instructor Paced" {
		t.Errorf("enrollment = %v", got)
	}
	if got := s.get(seatPath + "/plain-worker," + csRun).status(200).body; got != "" {
		t.Errorf("not enrolled: body %q, want none", got)
	}
	if got := s.as("plain-worker", seatPath+"/"+ana+","+csRun).status(404).body; got != "" {
		t.Errorf("not permitted: body %q, want none", got)
	}
	if got := s.get(seatPath + "/" + ana + ",course-v1:A+B+C").status(400).object()["message"]; got == nil {
		t.Error("unknown course: no message")
	}
	if got := s.get(seatPath + "?user=" + ana).status(200).list(); len(got) != 9 {
		t.Errorf("S-0001 has %d seats, want 9: two programs of five with one in common", len(got))
	}
	if got := s.as("plain-worker", seatPath+"?user="+ana).status(200).body; got != "[]" {
		t.Errorf("a stranger sees %s", got)
	}
}

func TestEnrollmentPost(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{EnrollmentPerMinute: -1})
	in := `"course_details":{"course_id":"` + csRun + `"}`
	for name, tc := range map[string]struct {
		client, body string
		want         int
	}{
		"create":         {"registrar-worker", `{"user":"harbor-worker","mode":"masters",` + in + `}`, 200},
		"again":          {"registrar-worker", `{"user":"` + ana + `","mode":"masters",` + in + `}`, 200},
		"no course":      {"registrar-worker", `{"user":"` + ana + `"}`, 400},
		"unknown course": {"registrar-worker", `{"course_details":{"course_id":"x"}}`, 400},
		"no mode":        {"registrar-worker", `{"user":"` + ana + `","mode":"gold",` + in + `}`, 400},
		"loose boolean":  {"registrar-worker", `{"user":"` + ana + `","is_active":"true",` + in + `}`, 400},
		"mode mismatch":  {"registrar-worker", `{"user":"` + ana + `","mode":"audit","is_active":false,` + in + `}`, 400},
		"nobody":         {"registrar-worker", `{"user":"nobody","mode":"masters",` + in + `}`, 406},
		"another":        {"plain-worker", `{"user":"` + ana + `",` + in + `}`, 404},
		"self, audit":    {"plain-worker", `{` + in + `}`, 200},
		"self, masters":  {"sis-worker", `{"mode":"masters",` + in + `}`, 403},
		"broken":         {"plain-worker", `{`, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.send(http.MethodPost, seatPath, bearing("JWT", s.token(tc.client, nil)), tc.body).status(tc.want)
		})
	}
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	path := "/api/user/v1/accounts"
	got := s.get(path + "?username=" + ana + ",nobody").status(200)
	if !strings.Contains(got.body, `"id":9007199254740993,`) {
		t.Errorf("account = %s, want its id unharmed", got.body)
	}
	for _, by := range []string{"?email=" + ana + "@northu.example.edu", "?lms_user_id=9007199254740993", "?username=" + ana + "&email=x@y.z"} {
		if list := s.get(path + by).status(200).list(); len(list) != 1 || list[0]["username"] != ana || list[0]["is_active"] != true {
			t.Errorf("%s = %v", by, list)
		}
	}
	if got := s.get(path + "/" + ana).status(200).object()["email"]; got != ana+"@northu.example.edu" {
		t.Errorf("email = %v", got)
	}
	limited := s.as("plain-worker", path+"/"+ana).status(200).object()
	if len(limited) != 3 || limited["email"] != nil {
		t.Errorf("a stranger sees %v", limited)
	}
	for _, unknown := range []string{"?username=nobody", "?email=a@b.c", "?lms_user_id=9007199254740992", "/nobody"} {
		if got := s.get(path + unknown).status(404).body; got != "" {
			t.Errorf("%s: body %q, want none", unknown, got)
		}
	}
	s.get(path + "?lms_user_id=x").status(400)
	s.as("plain-worker", path+"?email=a@b.c").status(403)
	search := path + "/search_emails"
	if got := s.write("POST", search, `{"emails":["`+ana+`@northu.example.edu","a@b.c"]}`).status(200).list(); len(got) != 1 {
		t.Errorf("search = %v", got)
	}
	s.send("POST", search, bearing("JWT", s.token("plain-worker", nil)), `{"emails":[]}`).status(404)
}

func TestMapping(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	path := "/api/third_party_auth/v0/providers/saml-northu/users"
	third := row(t, s.get(csPath+"/enrollments/").page().Results, "student_key", "S-0003")["username"]
	got := s.get(path + "?username=" + ana + "&remote_id=S-0003,S-0002&remote_id=S-0001").status(200).object()
	want := map[string]any{"results": []any{
		map[string]any{"username": ana, "remote_id": "S-0001"}, map[string]any{"username": third, "remote_id": "S-0003"},
	}}
	if diff := cmp.Diff(want["results"], got["results"]); diff != "" {
		t.Errorf("mapping (-want +got):\n%s", diff)
	}
	for _, member := range []string{"count", "num_pages", "current_page", "start", "next", "previous"} {
		if _, ok := got[member]; !ok {
			t.Errorf("no %s", member)
		}
	}
	count := *s.get(path).page().Count
	var all []map[string]any
	next := path + "?page_size=1000"
	for next != "" {
		page := s.get(next).page()
		if len(page.Results) > 100 {
			t.Errorf("%d rows, want 100 at most", len(page.Results))
		}
		all, next = append(all, page.Results...), ""
		if page.Next != nil {
			next = strings.TrimPrefix(*page.Next, s.url)
		}
	}
	if len(all) != count {
		t.Errorf("%d rows in all, count %d", len(all), count)
	}
	if got := s.get(strings.Replace(path, "northu", "harborx", 1) + "?remote_id=S-0001").page().Results; len(got) != 1 || got[0]["username"] == ana {
		t.Errorf("HarborX's S-0001 = %v", got)
	}
	if got := s.get(strings.Replace(path, "northu", "nowhere", 1)).status(404).object()["detail"]; got == nil {
		t.Error("unknown provider: no detail")
	}
	if got := s.get(path + "?remote_id=s-0001").page().Results; len(got) != 0 {
		t.Errorf("another case finds %v", got)
	}
	s.as("plain-worker", path).status(403)
}

func TestIdentities(t *testing.T) {
	t.Parallel()
	s := start(t, simulator.Options{})
	path := "/api/third_party_auth/v0/users/"
	key := http.Header{"X-Edx-Api-Key": {simulator.APIKey}}
	want := map[string]any{"active": []any{map[string]any{"provider_id": "saml-northu", "name": "North University", "remote_id": "S-0001"}}}
	for _, p := range []string{path + ana, path + "?username=" + ana, path + "?username=nobody&email=" + ana + "@northu.example.edu"} {
		if diff := cmp.Diff(want, s.send("GET", p, key, "").status(200).object()); diff != "" {
			t.Errorf("%s: %s", p, diff)
		}
	}
	if got := s.get(path + ana).status(403).body; got != "" { // staff is not enough
		t.Errorf("403 body %q, want none", got)
	}
	if got := s.send("GET", path+"nobody", key, "").status(404).body; got != "" {
		t.Errorf("404 body %q, want none", got)
	}
	s.as("plain-worker", path+"plain-worker").status(200)
}

func TestRegistration(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := start(t, simulator.Options{Now: clock.Now})
	path := "/api/user/v2/account/registration/"
	form := func(username, email string) url.Values {
		return url.Values{"username": {username}, "email": {email}, "name": {"New Learner"}, "password": {"long enough"}, "honor_code": {"true"}}
	}
	if got := s.send("GET", path, nil, "").status(200).object()["fields"]; got == nil {
		t.Error("no form description")
	}
	a := s.post(path, form("newbie", "newbie@example.edu")).status(200)
	user, _ := a.object()["authenticated_user"].(map[string]any)
	if user["username"] != "newbie" || user["user_id"] == nil || len(a.header.Values("Set-Cookie")) != 2 {
		t.Errorf("registered %v, cookies %v", a.object(), a.header.Values("Set-Cookie"))
	}
	if got := s.get("/api/user/v1/accounts/newbie").status(200).object()["is_active"]; got != false {
		t.Errorf("is_active = %v before the activation", got)
	}
	for code, f := range map[string]url.Values{
		"duplicate-email": form("other", "newbie@example.edu"), "duplicate-username": form(ana, "other@example.edu"),
		"duplicate-email-username": form("newbie", "newbie@example.edu"),
	} {
		if got := s.post("/api/user/v1/account/registration/", f).status(409).object()["error_code"]; got != code {
			t.Errorf("error_code = %v, want %s", got, code)
		}
	}
	body := s.send("POST", path, http.Header{"Content-Type": {"application/json"}}, `{"username":"x"}`).status(400).object()
	if body["error_code"] != "validation-error" || body["email"] == nil || body["username"] == nil {
		t.Errorf("JSON reads as %v, want an empty form", body)
	}
	for i := range 55 {
		s.post(path, form("user"+strconv.Itoa(i), strconv.Itoa(i)+"@example.edu")).status(200)
	}
	over := s.post(path, form("late", "late@example.edu")).status(403)
	if diff := cmp.Diff(map[string]any{"error_code": "forbidden-request"}, over.object()); diff != "" {
		t.Error(diff)
	}
	s.send("GET", path, nil, "").status(200) // looking does not count
	clock.advance(7 * 24 * time.Hour)
	s.post(path, form("late", "late@example.edu")).status(200)
}
