package simulator

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

type enrollmentItem struct {
	Created  string `json:"created"`
	Mode     string `json:"mode"`
	IsActive bool   `json:"is_active"`
	User     string `json:"user"`
	CourseID string `json:"course_id"`
}

const isoTime = "2006-01-02T15:04:05.999999Z"

func (w *world) showEnrollment(r *run, e entry[enrollment]) enrollmentItem {
	return enrollmentItem{
		Created: createdAt(e.id).Format(isoTime), Mode: e.row.mode, IsActive: e.row.active, User: w.seatedUser(e.row), CourseID: r.key,
	}
}

// enrollmentViews are the course enrollment API.
func (s *Simulator) enrollmentViews() []view {
	const base = "/api/enrollment/v1/"
	list := view{family: developer, permit: staffOnly, rate: s.enrollmentListRate, methods: get(s.listEnrollments)}
	one := view{family: plain, rate: s.enrollmentRate, methods: get(s.getEnrollment)}
	own := view{family: plain, rate: s.enrollmentRate, methods: get(s.userEnrollments)}
	own.methods[http.MethodPost] = s.postEnrollment
	return []view{
		at(base, `enrollments/?$`, list),
		at(base, `enrollment/([^/,]+),`+coursePattern+`$`, one),
		at(base, `enrollment$`, own),
	}
}

// enrollmentFilter is what the list is asked for; empty members ask for nothing.
type enrollmentFilter struct {
	runs  []*run
	users []string
	named bool // some user was asked for, if only an unknown one
}

func (s *Simulator) listEnrollments(c *call) (reply, error) {
	s.world.mu.RLock()
	defer s.world.mu.RUnlock()
	f, err := s.world.enrollmentFilter(c)
	if err != nil {
		return reply{}, err
	}
	page, err := s.page(c, cursorRules{size: 100, most: 100, newestFirst: true}, func(from bound, n int) []keyed {
		return s.world.seats(f, from, n)
	})
	if err != nil {
		return reply{}, err
	}
	return jsonReply(http.StatusOK, page), nil
}

// enrollmentFilter refuses values that it cannot read; values that nobody has are
// fine and find nothing.
func (w *world) enrollmentFilter(c *call) (enrollmentFilter, error) {
	course, courses, names, emails := c.query.Get("course_id"), c.list("course_ids"), c.list("username"), c.list("email")
	for field, values := range map[string][]string{"course_ids": courses, "username": names, "email": emails} {
		if len(values) > 100 {
			return enrollmentFilter{}, badField(field, "Too many values: 100 is the most.")
		}
	}
	if _, ok := parseCourseKey(course); !ok && course != "" {
		return enrollmentFilter{}, badField("course_id", "The value is not a course key.")
	}
	if slices.ContainsFunc(names, func(n string) bool { return strings.ContainsAny(n, " /<>") }) {
		return enrollmentFilter{}, badField("username", "The value is not a username.")
	}
	if slices.ContainsFunc(emails, func(e string) bool { return !strings.Contains(e, "@") }) {
		return enrollmentFilter{}, badField("email", "The value is not an e-mail address.")
	}
	f := enrollmentFilter{users: names, named: len(names)+len(emails) > 0}
	for _, email := range emails {
		if a, ok := w.accountByEmail(email); ok {
			f.users = append(f.users, a.username)
		}
	}
	for _, r := range w.runs {
		part := len(courses) == 0 || slices.ContainsFunc(courses, func(text string) bool { return strings.Contains(r.key, text) })
		if part && (course == "" || r.key == course) {
			f.runs = append(f.runs, r)
		}
	}
	return f, nil
}

// badField is this list's own 400, unlike that of every other view.
func badField(field, text string) *viewError {
	return instead(jsonReply(http.StatusBadRequest, map[string]any{
		"field_errors": map[string]any{field: map[string]string{"developer_message": text}},
	}))
}

// seats merges the seats of all runs asked for, in the order of the walk.
func (w *world) seats(f enrollmentFilter, from bound, n int) []keyed {
	var out []keyed
	for _, r := range f.runs {
		if !f.named {
			out = append(out, gather(r.enrollments, from, n, func(e entry[enrollment]) (any, bool) {
				return w.showEnrollment(r, e), true
			})...)
			continue
		}
		for _, name := range f.users {
			if e, ok := r.enrollments.find(name); ok {
				out = append(out, keyed{e.id, w.showEnrollment(r, e)})
			}
		}
	}
	return sortedPast(out, from, n)
}

// sortedPast puts rows into the order of the walk and keeps n of those past the bound.
func sortedPast(rows []keyed, from bound, n int) []keyed {
	rows = slices.DeleteFunc(rows, func(k keyed) bool {
		return from.set && (from.down && k.id >= from.id || !from.down && k.id <= from.id)
	})
	slices.SortFunc(rows, func(a, b keyed) int {
		if from.down {
			a, b = b, a
		}
		return cmp.Compare(a.id, b.id)
	})
	rows = slices.CompactFunc(rows, func(a, b keyed) bool { return a.id == b.id })
	return rows[:min(n, len(rows))]
}
