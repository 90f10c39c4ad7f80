package main

import (
	"net/http"
	"testing"
)

// graded lets the LMS answer English's grades with rows and a status.
func (w *world) graded(status int, rows ...map[string]any) {
	w.listing("courses/"+englishKey+"/grades/", replyJSON(status, map[string]any{"next": nil, "results": rows}))
}

func learner01() map[string]any {
	return map[string]any{"student_key": "learner-01", "letter_grade": "A", "percent": 0.95, "passed": true}
}

func learner02() map[string]any {
	return map[string]any{"student_key": "learner-02", "letter_grade": nil, "percent": 0.4, "passed": false}
}

func learner03() map[string]any {
	return map[string]any{"student_key": "learner-03", "error": "error loading grades"}
}

// gradesAre orders English's grades and holds the job to a text and a file.
func (w *world) gradesAre(t *testing.T, query, text, want string) {
	t.Helper()
	j, file := w.exported(t, englishCourse(englishKey, "grades"+query))
	if j.Name != "get_course_run_grades" || j.text() != text || file != want {
		t.Errorf("job %s, text %s, want %s; file\n%q, want\n%q", j.Name, j.text(), text, file, want)
	}
}

func gradeCases() []conformanceCase {
	const head = "student_key,letter_grade,percent,passed,error\r\n"
	return []conformanceCase{
		{"G01", func(t *testing.T, w *world) {
			w.graded(http.StatusOK, learner01(), learner02())
			w.gradesAre(t, "", "200", `[
    {
        "student_key": "learner-01",
        "letter_grade": "A",
        "percent": "0.950",
        "passed": true
    },
    {
        "student_key": "learner-02",
        "letter_grade": null,
        "percent": "0.400",
        "passed": false
    }
]`)
			w.gradesAre(t, "?fmt=csv", "200", head+"learner-01,A,0.950,True,\r\nlearner-02,,0.400,False,\r\n")
		}},
		{"G02", func(t *testing.T, w *world) {
			w.graded(http.StatusMultiStatus, learner01(), learner02(), learner03())
			w.gradesAre(t, "?fmt=csv", "207", head+"learner-01,A,0.950,True,\r\nlearner-02,,0.400,False,\r\nlearner-03,,,,error loading grades\r\n")
		}},
		{"G03", func(t *testing.T, w *world) {
			w.graded(http.StatusUnprocessableEntity, learner03())
			w.gradesAre(t, "", "422", `[
    {
        "student_key": "learner-03",
        "letter_grade": null,
        "error": "error loading grades"
    }
]`)
		}},
		{"G04", func(t *testing.T, w *world) {
			w.listing("courses/"+englishKey+"/grades/", func(rw http.ResponseWriter, _ *http.Request, _ []byte) { rw.WriteHeader(http.StatusNoContent) })
			w.gradesAre(t, "", "204", "{}")
			w.gradesAre(t, "?fmt=csv", "204", head)
		}},
		{"G05", func(t *testing.T, w *world) {
			for _, reply := range []stubAnswer{
				replyText(http.StatusInternalServerError, "text/html", "<h1>no</h1>"),
				replyText(http.StatusNotFound, "application/json", `{"detail":"no"}`),
				replyText(http.StatusUnprocessableEntity, "text/plain", "no"),
			} {
				w.listing("courses/"+englishKey+"/grades/", reply)
				w.failed(t, englishCourse(englishKey, "grades"))
			}
		}},
		{"G06", func(t *testing.T, w *world) {
			with := func(row map[string]any, name string, value any) map[string]any { row[name] = value; return row }
			without := func(name string) map[string]any { row := learner01(); delete(row, name); return row }
			for name, row := range map[string]map[string]any{
				"key only":             {"student_key": "learner-01"},
				"all fields and error": with(learner01(), "error", "oh"),
				"error and passed":     with(learner03(), "passed", true),
				"error and letter":     with(learner03(), "letter_grade", "A"),
				"without letter_grade": without("letter_grade"),
				"without percent":      without("percent"),
				"without passed":       without("passed"),
				"members of odd types": {"student_key": "learner-01", "letter_grade": 12.5, "percent": "high", "passed": "perhaps"},
			} {
				w.graded(http.StatusOK, row)
				t.Log(name)
				w.failed(t, englishCourse(englishKey, "grades"))
			}
		}},
	}
}
