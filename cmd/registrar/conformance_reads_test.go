package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"registrar/config"
)

const (
	englishEnrollments = "programs/masters-in-english/enrollments"
	englishKey         = "HUMx+English-550+Spring"
)

// englishCourse is a route of a course run of masters-in-english.
func englishCourse(id, rest string) string {
	return "programs/masters-in-english/courses/" + id + "/" + rest
}

// listing lets the LMS answer a listing of masters-in-english.
func (w *world) listing(rest string, answer stubAnswer) {
	w.on(http.MethodGet, belowProgram("masters-in-english", rest), answer)
}

// exported orders an export as hum_admin and returns the finished job and its file.
func (w *world) exported(t *testing.T, path string) (job, string) {
	t.Helper()
	j := w.as("hum_admin").finished(w.as("hum_admin").get(path))
	if j.State != "Succeeded" {
		t.Fatalf("GET %s: the job is %s", path, j.State)
	}
	return j, w.file(j)
}

// failed orders an export as hum_admin, which has to fail without a word.
func (w *world) failed(t *testing.T, path string) {
	t.Helper()
	j := w.as("hum_admin").finished(w.as("hum_admin").get(path))
	if j.State != "Failed" || j.Result != nil || j.Text != nil {
		t.Errorf("GET %s: %s, result %v, text %v; want Failed without either", path, j.State, j.Result, j.Text)
	}
}

// exports holds what an export writes.
func exports(t *testing.T, w *world, path, want string) {
	t.Helper()
	j, file := w.exported(t, path)
	if file != want {
		t.Errorf("GET %s: file is\n%q, want\n%q", path, file, want)
	}
	if j.Text != nil {
		t.Errorf("GET %s: text is %q, want null", path, *j.Text)
	}
}

// alexAndNobody is the LMS's page of case R01.
func alexAndNobody() stubAnswer {
	return replyRows(
		map[string]any{"student_key": "abcd", "status": "enrolled", "account_exists": true, "username": "Alex", "email": "alex@edx.org", "curriculum_uuid": activeCurriculum},
		map[string]any{"student_key": "efgh", "status": "pending", "account_exists": false, "username": "", "email": "", "curriculum_uuid": activeCurriculum})
}

// hijkAndLmno is the LMS's page of case R09.
func hijkAndLmno() stubAnswer {
	return replyRows(
		map[string]any{"student_key": "hijk", "status": "active", "account_exists": true, "course_staff": true, "curriculum_uuid": activeCurriculum},
		map[string]any{"student_key": "lmno", "status": "inactive", "account_exists": false, "course_staff": false, "curriculum_uuid": activeCurriculum})
}

func readCases() []conformanceCase {
	membersOf := func(group string) config.Flag { return config.Flag{State: "some", Groups: []string{group}} }
	return []conformanceCase{
		{"R01", programExports},
		{"R02", func(t *testing.T, w *world) {
			w.cfg.Flags.IncludeNameEmail = membersOf("hum-admins")
			w.listing("enrollments/", alexAndNobody())
			exports(t, w, englishEnrollments+"?fmt=csv",
				"student_key,status,account_exists,username,email\r\nabcd,enrolled,True,Alex,alex@edx.org\r\nefgh,pending,False,,\r\n")
			exports(t, w, englishEnrollments+"?fmt=json", `[
    {
        "account_exists": true,
        "email": "alex@edx.org",
        "status": "enrolled",
        "student_key": "abcd",
        "username": "Alex"
    },
    {
        "account_exists": false,
        "email": "",
        "status": "pending",
        "student_key": "efgh",
        "username": ""
    }
]`)
		}},
		{"R03", func(t *testing.T, w *world) {
			for _, fmt := range []string{"invalidformat", "CSV", ""} {
				w.as("hum_admin").get(englishEnrollments+"?fmt="+fmt).is(t, http.StatusNotFound, d404)
			}
			w.hasNoJob(t, "hum_admin")
		}},
		{"R04", func(t *testing.T, w *world) {
			w.as("stem_admin").get(englishEnrollments).is(t, http.StatusForbidden, d403)
		}},
		{"R05", func(t *testing.T, w *world) {
			w.micro("masters-in-english")
			w.as("hum_admin").get(englishEnrollments).is(t, http.StatusForbidden, d403)
			w.as("hum_admin").get("programs/masters-in-english/course_enrollments").is(t, http.StatusForbidden, d403)
			w.hasNoJob(t, "hum_admin")
		}},
		{"R06", pagesAreJoined},
		{"R07", func(t *testing.T, w *world) {
			for _, status := range []int{http.StatusInternalServerError, http.StatusNotFound} {
				w.listing("enrollments/", replyText(status, "application/json", `{"detail":"no"}`))
				w.failed(t, englishEnrollments)
			}
		}},
		{"R08", func(t *testing.T, w *world) {
			w.listing("enrollments/", replyRows(map[string]any{"student_key": "abcd", "status": "this-is-not-a-status", "account_exists": true}))
			w.failed(t, englishEnrollments)
		}},
		{"R09", func(t *testing.T, w *world) {
			w.courseExports(t, hijkJSON(""), "course_id,student_key,status,account_exists\r\nENG55-S19,hijk,active,True\r\nENG55-S19,lmno,inactive,False\r\n")
		}},
		{"R10", func(t *testing.T, w *world) {
			w.cfg.Flags.CourseRoles = membersOf("hum-admins")
			w.courseExports(t, hijkJSON("course_staff"),
				"course_id,student_key,status,account_exists,course_staff\r\nENG55-S19,hijk,active,True,True\r\nENG55-S19,lmno,inactive,False,False\r\n")
		}},
		{"R11", func(t *testing.T, w *world) {
			w.cfg.Flags.CourseRoles = membersOf("stem-admins")
			w.courseExports(t, hijkJSON(""), "course_id,student_key,status,account_exists\r\nENG55-S19,hijk,active,True\r\nENG55-S19,lmno,inactive,False\r\n")
		}},
		{"R12", func(t *testing.T, w *world) {
			for _, leaf := range []string{"enrollments", "grades"} {
				for _, path := range []string{
					"programs/masters-in-polysci/courses/" + englishKey + "/" + leaf,
					englishCourse("course-v1:edX+DemoX+Demo_Course", leaf),
					englishCourse("not-a-course-key:a+b+c", leaf),
				} {
					w.as("hum_admin").get(path).is(t, http.StatusNotFound, d404)
				}
			}
			w.hasNoJob(t, "hum_admin")
		}},
		{"R13", func(t *testing.T, w *world) {
			for _, leaf := range []string{"enrollments", "grades"} {
				w.as("stem_admin").get(englishCourse(englishKey, leaf)).is(t, http.StatusForbidden, d403)
			}
		}},
		{"R14", wholeProgramExport},
		{"R15", func(t *testing.T, w *world) {
			w.as("hum_admin").get("programs/masters-in-polysci/course_enrollments").is(t, http.StatusNotFound, d404)
			w.as("stem_admin").get("programs/masters-in-english/course_enrollments").is(t, http.StatusForbidden, d403)
			w.as("hum_admin").get("programs/masters-in-english/course_enrollments?fmt=invalidformat").is(t, http.StatusNotFound, d404)
		}},
		{"R16", func(t *testing.T, w *world) {
			w.listing("enrollments/", replyRows())
			exports(t, w, englishEnrollments+"?fmt=json", "[]")
			exports(t, w, englishEnrollments+"?fmt=csv", "student_key,status,account_exists\r\n")
		}},
		{"R17", func(t *testing.T, w *world) {
			w.listing("enrollments/", replyRows())
			reply := w.as("hum_admin").get("/api/v2/" + englishEnrollments)
			if url, _ := reply.object(t)["job_url"].(string); reply.StatusCode != http.StatusAccepted || !strings.HasPrefix(url, w.url()+"/api/v2/jobs/") {
				t.Errorf("%d, job_url %q", reply.StatusCode, url)
			}
			w.as("hum_admin").finished(reply)
		}},
	}
}

// hasNoJob holds that somebody's requests began none.
func (w *world) hasNoJob(t *testing.T, who string) {
	t.Helper()
	for _, j := range w.jobs(t) {
		if string(j.Owner) == who {
			t.Errorf("%s has a job: %s", who, j.Name)
		}
	}
}

func programExports(t *testing.T, w *world) {
	w.listing("enrollments/", alexAndNobody())
	const asJSON = `[
    {
        "account_exists": true,
        "status": "enrolled",
        "student_key": "abcd"
    },
    {
        "account_exists": false,
        "status": "pending",
        "student_key": "efgh"
    }
]`
	for path, want := range map[string]string{
		englishEnrollments:               asJSON,
		englishEnrollments + "?fmt=json": asJSON,
		englishEnrollments + "?fmt=csv":  "student_key,status,account_exists\r\nabcd,enrolled,True\r\nefgh,pending,False\r\n",
	} {
		reply := w.as("hum_admin").get(path)
		var accepted map[string]json.RawMessage
		if err := json.Unmarshal(reply.body, &accepted); err != nil || len(accepted) != 2 {
			t.Errorf("%s: %s", path, reply.body)
		}
		if j := w.as("hum_admin").finished(reply); j.Name != "masters-in-english:read:list_program_enrollments" {
			t.Errorf("%s: the job is called %s", path, j.Name)
		}
		exports(t, w, path, want)
	}
}

func pagesAreJoined(t *testing.T, w *world) {
	page := func(key string) map[string]any {
		return map[string]any{"student_key": key, "status": "enrolled", "account_exists": true}
	}
	w.listing("enrollments/", func(rw http.ResponseWriter, r *http.Request, body []byte) {
		next := any(w.stub.base + r.URL.Path + "?cursor=second")
		rows := []map[string]any{page("first")}
		if r.URL.Query().Get("cursor") == "second" {
			next, rows = nil, []map[string]any{page("second")}
		}
		replyJSON(http.StatusOK, map[string]any{"next": next, "results": rows})(rw, r, body)
	})
	exports(t, w, englishEnrollments+"?fmt=csv", "student_key,status,account_exists\r\nfirst,enrolled,True\r\nsecond,enrolled,True\r\n")
	asked := w.requests(belowProgram("masters-in-english", "enrollments/"))
	if len(asked) != 2 || !strings.Contains(asked[1].Query, "cursor=second") || asked[0].Path != asked[1].Path {
		t.Errorf("the LMS was asked %v", asked)
	}
}

// courseExports exports English by its internal key as JSON and by its external
// one as CSV.
func (w *world) courseExports(t *testing.T, wantJSON, wantCSV string) {
	t.Helper()
	w.listing("courses/"+englishKey+"/enrollments/", hijkAndLmno())
	exports(t, w, englishCourse(englishKey, "enrollments"), wantJSON)
	exports(t, w, englishCourse("ENG55-S19", "enrollments?fmt=csv"), wantCSV)
}

func hijkJSON(last string) string {
	staff := func(value string) string {
		if last == "" {
			return ""
		}
		return ",\n        \"" + last + "\": " + value
	}
	return `[
    {
        "course_id": "ENG55-S19",
        "student_key": "hijk",
        "status": "active",
        "account_exists": true` + staff("true") + `
    },
    {
        "course_id": "ENG55-S19",
        "student_key": "lmno",
        "status": "inactive",
        "account_exists": false` + staff("false") + `
    }
]`
}

func wholeProgramExport(t *testing.T, w *world) {
	run := func(key string, rows ...map[string]any) {
		w.listing("courses/"+key+"/enrollments/", replyRows(rows...))
	}
	one := func(key, status string, exists bool) map[string]any {
		return map[string]any{"student_key": key, "status": status, "account_exists": exists}
	}
	run(englishKey, one("e1", "active", true), one("e2", "inactive", false))
	run("HUMx+Spanish-1000+Spring", one("s1", "active", true))
	run("HUMx+Russian-440+Spring")
	run("HUMx+French-9910+Spring", one("f1", "active", false))
	exports(t, w, "programs/masters-in-english/course_enrollments?fmt=csv", "course_id,student_key,status,account_exists\r\n"+
		"ENG55-S19,e1,active,True\r\nENG55-S19,e2,inactive,False\r\nSPAN101-S19,s1,active,True\r\nHUMx+French-9910+Spring,f1,active,False\r\n")
	jobs := w.jobs(t)
	if len(jobs) != 1 || jobs[0].Name != "masters-in-english:read:list_all_course_run_enrollments" {
		t.Errorf("jobs: %v", jobs)
	}
}
