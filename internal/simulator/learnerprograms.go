package simulator

import "net/http"

// learnerViews are the program endpoints that speak to learners. A service
// account gets nothing out of most of them.
func (s *Simulator) learnerViews() []view {
	const base = "/api/program_enrollments/v1/"
	self := view{family: developer, methods: get(s.learnerCourses)}
	reset := view{family: developer, permit: restrictedAccess("", queriedUser, noCourse), methods: map[string]handler{
		http.MethodPost: func(*call) (reply, error) { return emptyReply(http.StatusNotImplemented), nil },
	}}
	return []view{
		at(base, `programs/(?:enrollments|readonly_access)/$`, view{family: developer, methods: get(s.readonlyAccess)}),
		at(base, `users/([^/]+)/programs/`+uuidPattern+`/courses/?$`, self),
		at(base, `integration-reset/?$`, reset),
	}
}

type programRef struct {
	UUID string `json:"uuid"`
	Slug string `json:"slug"`
}

// readonlyAccess lists all cached programs of a type to staff, and to a learner
// their own, of whatever type.
func (s *Simulator) readonlyAccess(c *call) (reply, error) {
	s.world.mu.RLock()
	defer s.world.mu.RUnlock()
	kind := c.query.Get("type")
	if kind == "" {
		kind = "masters"
	}
	out := []programRef{}
	for _, p := range s.world.programs {
		shown := p.kind.slug == kind
		if !c.caller.staff {
			row, ok := s.world.rowOf(p, c.caller.username)
			shown = ok && (row.status == "enrolled" || row.status == "pending")
		}
		if shown && s.world.cached(p) {
			out = append(out, programRef{p.uuid, p.marketingSlug()})
		}
	}
	return jsonReply(http.StatusOK, out), nil
}

// rowOf is the program enrollment that a user is linked to.
func (w *world) rowOf(p *program, username string) (programRow, bool) {
	key, ok := w.keyOf(p.org, username)
	if !ok {
		return programRow{}, false
	}
	e, ok := p.rows.find(key)
	return e.row, ok && e.row.username == username
}

type learnerCourse struct {
	CourseRunID string  `json:"course_run_id"`
	DisplayName string  `json:"display_name"`
	CourseURL   string  `json:"course_run_url"`
	StartDate   string  `json:"start_date"`
	EndDate     *string `json:"end_date"`
	Status      string  `json:"course_run_status"`
	DueDates    []any   `json:"due_dates"`
}

// learnerCourses refuses in two ways: an HTML page for somebody who is not
// enrolled, and a JSON body for somebody who asks for another. Staff is no help.
func (s *Simulator) learnerCourses(c *call) (reply, error) {
	s.world.mu.RLock()
	defer s.world.mu.RUnlock()
	p, err := s.world.cachedProgram(c.args[1])
	if err != nil {
		return reply{}, err
	}
	if row, ok := s.world.rowOf(p, c.caller.username); !ok || row.status != "enrolled" {
		return htmlReply(http.StatusForbidden), nil
	}
	if c.caller.username != c.args[0] {
		return reply{}, forbidden()
	}
	page, err := s.page(c, cursorRules{size: 10, most: 25}, func(from bound, n int) []keyed {
		return s.coursesOf(p, c, from, n)
	})
	if err != nil {
		return reply{}, err
	}
	return jsonReply(http.StatusOK, page), nil
}

// coursesOf lists the caller's active seats in runs of the program, however they
// came by them.
func (s *Simulator) coursesOf(p *program, c *call, from bound, n int) []keyed {
	var out []keyed
	for _, r := range p.runs() {
		e, ok := r.enrollments.find(c.caller.username)
		if !ok || !e.row.active {
			continue
		}
		out = append(out, keyed{e.id, learnerCourse{
			CourseRunID: r.key, DisplayName: r.title, CourseURL: s.base(c.req) + "/courses/" + r.key + "/course/",
			StartDate: r.start, EndDate: &r.end, Status: "in_progress", DueDates: []any{},
		}})
	}
	return sortedPast(out, from, n)
}
