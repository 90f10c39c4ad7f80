package simulator

import (
	"net/http"
	"regexp"
)

const (
	uuidPattern   = `([0-9a-fA-F-]+)`
	coursePattern = `([^/+]+[/+][^/+]+[/+][^/?]+)`
)

// at is a shorthand for a pattern under a prefix.
func at(prefix, rest string, v view) view {
	v.prefix, v.rest = prefix, regexp.MustCompile("^"+rest)
	return v
}

// lmsViews are the LMS's routes. Slashes at the end, or none, are as in the LMS;
// a pattern without $ takes anything after it, which is the LMS's doing.
func (s *Simulator) lmsViews() []view {
	views := []view{
		at("/oauth2/access_token", `/?$`, view{
			open: true, family: plain, rate: s.tokenRate, methods: map[string]handler{http.MethodPost: s.issueToken},
		}),
		at("/heartbeat", `/?$`, view{open: true, family: plain, methods: get(heartbeat)}),
	}
	views = append(views, s.programViews()...)
	views = append(views, s.learnerViews()...)
	views = append(views, s.enrollmentViews()...)
	views = append(views, s.outcomeViews()...)
	return append(views, s.userViews()...)
}

func get(h handler) map[string]handler { return map[string]handler{http.MethodGet: h} }

// programViews are the program enrollment API for services.
func (s *Simulator) programViews() []view {
	const base = "/api/program_enrollments/v1/programs/"
	allowed := view{family: developer, permit: restrictedAccess("", queriedUser, noCourse)}
	enrollments, courses, grades := allowed, allowed, allowed
	enrollments.methods = writable(s.listProgramEnrollments, s.writeProgramEnrollments)
	courses.methods = writable(s.listCourseEnrollments, s.writeCourseEnrollments)
	grades.methods = get(s.listProgramGrades)
	return []view{
		at(base, uuidPattern+`/enrollments/$`, enrollments),
		at(base, uuidPattern+`/courses/`+coursePattern+`/enrollments/`, courses),
		at(base, uuidPattern+`/courses/`+coursePattern+`/grades/`, grades),
	}
}

// writable is a listing that takes the three writes: POST creates, PATCH updates,
// PUT does either.
func writable(list handler, write func(*call, string) (reply, error)) map[string]handler {
	m := get(list)
	for _, method := range []string{http.MethodPost, http.MethodPatch, http.MethodPut} {
		m[method] = func(c *call) (reply, error) { return write(c, method) }
	}
	return m
}

// heartbeat checks nothing: a fault makes it sick.
func heartbeat(c *call) (reply, error) {
	ok := map[string]any{"status": true, "message": "OK"}
	body := map[string]any{"modulestore": ok, "sql": ok}
	if c.query.Has("extended") {
		body["cache_set"], body["cache_get"], body["celery"] = ok, ok, ok
	}
	return jsonReply(http.StatusOK, body), nil
}
