package main

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"registrar/internal/registrar"
)

// programs holds an answer to be 200 and a bare array of these programs, in any
// order.
func (a answer) programs(t *testing.T, want ...string) {
	t.Helper()
	got := []string{}
	for _, item := range a.items(t) {
		got = append(got, string(item.Key))
	}
	slices.Sort(got)
	if diff := gocmp.Diff(slices.Sorted(slices.Values(want)), got); diff != "" && len(got)+len(want) > 0 {
		t.Errorf("GET %s: programs (-want +got):\n%s", a.Request.URL, diff)
	}
}

// listedProgram is a program as clients read it.
type listedProgram struct {
	Key         registrar.ProgramKey `json:"program_key"`
	Title       string               `json:"program_title"`
	URL         *string              `json:"program_url"`
	Type        *string              `json:"program_type"`
	Permissions []string             `json:"permissions"`
}

// items decodes a list of programs, by key.
func (a answer) items(t *testing.T) []listedProgram {
	t.Helper()
	var items []listedProgram
	if err := json.Unmarshal(a.body, &items); err != nil || a.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d, %v\n%s", a.Request.Method, a.Request.URL, a.StatusCode, err, a.body)
	}
	slices.SortFunc(items, func(x, y listedProgram) int { return cmp.Compare(x.Key, y.Key) })
	return items
}

// join makes name a member of groups.
func (w *world) join(name registrar.Username, groups ...string) person {
	w.t.Helper()
	for _, group := range groups {
		if err := w.store.AddMember(w.t.Context(), group, name); err != nil {
			w.t.Fatal(err)
		}
	}
	return w.as(string(name))
}

// micro makes a MicroMasters of a program.
func (w *world) micro(key registrar.ProgramKey) {
	w.program(key, func(doc map[string]any) { doc["type"] = "MicroMasters" })
}

func listingCases() []conformanceCase {
	lists := func(who, path string, want ...string) func(*testing.T, *world) {
		return func(t *testing.T, w *world) { w.as(who).get(path).programs(t, want...) }
	}
	// of asks as somebody who is in groups alone.
	of := func(path string, want []string, groups ...string) func(*testing.T, *world) {
		return func(t *testing.T, w *world) { w.join("nobody", groups...).get(path).programs(t, want...) }
	}
	const cs, me, english, philosophy = "masters-in-cs", "masters-in-me", "masters-in-english", "masters-in-philosophy"
	return []conformanceCase{
		{"L01", wholeListing},
		{"L02", func(t *testing.T, w *world) {
			w.as("program_user").get("programs").is(t, http.StatusOK,
				`[{"program_key":"masters-in-english","program_title":"masters in english","program_url":"http://registrar-test-data.edx.org/masters-in-english/","program_type":"Masters","permissions":["read_metadata"]}]`)
		}},
		{"L03", lists("edx_admin", "programs?program_title=PHILOsophy", philosophy)},
		{"L04", lists("edx_admin", "programs?program_title=", cs, me, english, philosophy)},
		{"L05", func(t *testing.T, w *world) {
			w.as("edx_admin").get("programs?program_title=invalidtitle").is(t, http.StatusOK, "[]")
		}},
		{"L06", of("programs?org=stem-institute", []string{cs, me}, "stem-users")},
		{"L07", lists("program_user", "programs?org=humanities-college", english)},
		{"L08", func(t *testing.T, w *world) {
			w.as("nobody").get("programs?user_has_perm=read_metadata").is(t, http.StatusOK, "[]")
		}},
		{"L09", of("programs?user_has_perm=write_enrollments", []string{cs, me, english, philosophy}, "GlobalReadAndWrite")},
		{"L10", of("programs?user_has_perm=write_enrollments", nil, "stem-users", "hum-ops")},
		{"L11", of("programs?user_has_perm=write_enrollments", []string{cs, me}, "stem-admins", "hum-ops")},
		{"L12", of("programs?user_has_perm=write_enrollments&org=humanities-college", nil, "stem-admins", "hum-ops")},
		{"L13", func(t *testing.T, w *world) {
			w.micro(english)
			w.join("nobody", "hum-admins").get("programs?user_has_perm=write_enrollments").programs(t, philosophy)
		}},
		{"L14", func(t *testing.T, w *world) {
			w.micro(english)
			w.join("nobody", "hum-users").get("programs?user_has_perm=read_metadata").programs(t, english, philosophy)
		}},
		{"L15", func(t *testing.T, w *world) {
			w.as("stem_admin").get("programs?org=intergalactic-univ").is(t, http.StatusNotFound, d404)
		}},
		{"L16", func(t *testing.T, w *world) {
			w.as("stem_admin").get("programs?org=stem-institute&user_has_perm=right").is(t, http.StatusNotFound, d404)
		}},
		{"L17", func(t *testing.T, w *world) {
			w.as("program_user").get("programs?org=stem-institute").is(t, http.StatusOK, "[]")
		}},
		{"L18", func(t *testing.T, w *world) {
			w.program(me, nil)
			items := w.as("stem_admin").get("programs").items(t)
			want := listedProgram{Key: me, Title: me, Permissions: []string{"read_metadata"}}
			if diff := gocmp.Diff(want, items[len(items)-1]); len(items) != 2 || diff != "" {
				t.Errorf("%d items; the one that Discovery lacks (-want +got):\n%s", len(items), diff)
			}
		}},
		{"L19", func(t *testing.T, w *world) {
			for _, path := range []string{
				"programs", "programs/" + cs, "programs/" + cs + "/enrollments", "programs/" + cs + "/courses",
				"programs/" + cs + "/courses/CompSci1_Fall/enrollments", "jobs/",
			} {
				w.as("edx_admin").do(http.MethodDelete, path, nil).is(t, http.StatusMethodNotAllowed, d405("DELETE"))
			}
		}},
		{"L20", func(t *testing.T, w *world) {
			for _, path := range []string{"programs", "programs/" + cs} {
				first, second := w.as("stem_admin").get("/api/v1/"+path), w.as("stem_admin").get("/api/v2/"+path)
				second.is(t, http.StatusOK, string(first.body))
			}
			w.as("stem_admin").get("/api/v2/programs").programs(t, cs, me)
		}},
	}
}

func wholeListing(t *testing.T, w *world) {
	reply := w.as("edx_admin").get("programs")
	items := reply.items(t)
	masters := "Masters"
	var want []listedProgram
	for _, key := range []registrar.ProgramKey{"masters-in-cs", "masters-in-english", "masters-in-me", "masters-in-philosophy"} {
		url := "http://registrar-test-data.edx.org/" + string(key) + "/"
		title := "masters in " + string(key[len("masters-in-"):])
		want = append(want, listedProgram{Key: key, Title: title, URL: &url, Type: &masters, Permissions: []string{"read_metadata"}})
	}
	if diff := gocmp.Diff(want, items); diff != "" {
		t.Errorf("programs (-want +got):\n%s", diff)
	}
	var members []map[string]json.RawMessage
	if err := json.Unmarshal(reply.body, &members); err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		if len(m) != 5 {
			t.Errorf("an item has %d members, want five", len(m))
		}
	}
}

func programCases() []conformanceCase {
	permissions := func(t *testing.T, reply answer, kind string, want ...string) {
		t.Helper()
		var p listedProgram
		if err := json.Unmarshal(reply.body, &p); err != nil || reply.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", reply.StatusCode, reply.body)
		}
		if diff := gocmp.Diff(want, p.Permissions); diff != "" || p.Type == nil || *p.Type != kind {
			t.Errorf("type %v, want %s; permissions (-want +got):\n%s", p.Type, kind, diff)
		}
	}
	return []conformanceCase{
		{"P01", func(t *testing.T, w *world) {
			permissions(t, w.as("hum_admin").get("programs/masters-in-english"), "Masters", "read_enrollments", "read_metadata", "read_reports", "write_enrollments")
		}},
		{"P02", func(t *testing.T, w *world) {
			w.as("stem_admin").get("programs/masters-in-english").is(t, http.StatusForbidden, d403)
		}},
		{"P03", func(t *testing.T, w *world) {
			w.as("stem_admin").get("programs/masters-in-polysci").is(t, http.StatusNotFound, d404)
		}},
		{"P04", func(t *testing.T, w *world) {
			w.micro("masters-in-me")
			permissions(t, w.as("stem_admin").get("programs/masters-in-me"), "MicroMasters", "read_metadata")
		}},
		{"P05", func(t *testing.T, w *world) {
			permissions(t, w.as("cs_program_admin").get("programs/masters-in-cs"), "Masters", "read_enrollments", "read_metadata", "write_enrollments")
		}},
	}
}

func courseCases() []conformanceCase {
	// curriculum replaces a program's curricula by one with these courses.
	curriculum := func(w *world, key registrar.ProgramKey, active bool, courses ...map[string]any) {
		w.program(key, func(doc map[string]any) {
			doc["curricula"] = []map[string]any{{"uuid": activeCurriculum, "is_active": active, "courses": courses}}
		})
	}
	run := func(key string) map[string]any {
		return map[string]any{"key": key, "external_key": nil, "title": "T " + key, "marketing_url": "https://e/" + key}
	}
	course := func(runs ...map[string]any) map[string]any { return map[string]any{"course_runs": runs} }
	const english = "programs/masters-in-english/courses"
	return []conformanceCase{
		{"K01", func(t *testing.T, w *world) {
			w.as("hum_admin").get(english).is(t, http.StatusOK, `[`+
				`{"course_id":"HUMx+English-550+Spring","external_course_key":"ENG55-S19","course_title":"T HUMx+English-550+Spring","course_url":"https://e/HUMx+English-550+Spring"},`+
				`{"course_id":"HUMx+Spanish-1000+Spring","external_course_key":"SPAN101-S19","course_title":"T HUMx+Spanish-1000+Spring","course_url":"https://e/HUMx+Spanish-1000+Spring"},`+
				`{"course_id":"HUMx+Russian-440+Spring","external_course_key":"RUS44-S19","course_title":"T HUMx+Russian-440+Spring","course_url":"https://e/HUMx+Russian-440+Spring"},`+
				`{"course_id":"HUMx+French-9910+Spring","external_course_key":null,"course_title":"T HUMx+French-9910+Spring","course_url":"https://e/HUMx+French-9910+Spring"}]`)
		}},
		{"K02", func(t *testing.T, w *world) {
			curriculum(w, "masters-in-cs", true,
				course(run("course-v1:STEMx+Z1+F19")), course(run("course-v1:STEMx+B2+F19"), run("course-v1:STEMx+A3+F19")))
			w.as("stem_admin").get("programs/masters-in-cs/courses").is(t, http.StatusOK, `[`+
				`{"course_id":"course-v1:STEMx+Z1+F19","external_course_key":null,"course_title":"T course-v1:STEMx+Z1+F19","course_url":"https://e/course-v1:STEMx+Z1+F19"},`+
				`{"course_id":"course-v1:STEMx+B2+F19","external_course_key":null,"course_title":"T course-v1:STEMx+B2+F19","course_url":"https://e/course-v1:STEMx+B2+F19"},`+
				`{"course_id":"course-v1:STEMx+A3+F19","external_course_key":null,"course_title":"T course-v1:STEMx+A3+F19","course_url":"https://e/course-v1:STEMx+A3+F19"}]`)
		}},
		{"K03", func(t *testing.T, w *world) {
			curriculum(w, "masters-in-english", true)
			w.as("hum_admin").get(english).is(t, http.StatusOK, "[]")
		}},
		{"K04", func(t *testing.T, w *world) {
			curriculum(w, "masters-in-english", false, course(run("course-v1:HUMx+E+1")))
			w.as("hum_admin").get(english).is(t, http.StatusOK, "[]")
		}},
		{"K05", func(t *testing.T, w *world) {
			w.as("hum_admin").get("programs/masters-in-cs/courses").is(t, http.StatusForbidden, d403)
		}},
		{"K06", func(t *testing.T, w *world) {
			w.as("stem_admin").get("programs/masters-in-polysci/courses").is(t, http.StatusNotFound, d404)
		}},
	}
}
