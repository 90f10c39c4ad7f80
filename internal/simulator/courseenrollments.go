package simulator

import (
	"net/http"
	"strings"
)

type courseEnrollment struct {
	StudentKey     string `json:"student_key"`
	Status         string `json:"status"`
	AccountExists  bool   `json:"account_exists"`
	CurriculumUUID string `json:"curriculum_uuid"`
	CourseStaff    bool   `json:"course_staff"`
}

// programCourse checks program and course in the LMS's order. A key that cannot
// be read is a 404 as well, not a 400.
func (w *world) programCourse(c *call) (*program, *run, error) {
	p, err := w.cachedProgram(c.args[0])
	if err != nil {
		return nil, nil, err
	}
	r, err := w.existingRun(c.args[1])
	if err != nil {
		return nil, nil, err
	}
	if !p.has(r) {
		return nil, nil, notFound("course_not_in_program", "the course is not part of the program")
	}
	return p, r, nil
}

func (w *world) existingRun(key string) (*run, error) {
	if _, ok := parseCourseKey(key); !ok {
		return nil, notFound("invalid_course_key", "the course key cannot be parsed")
	}
	r, ok := w.run(key)
	if !ok {
		return nil, notFound("course_does_not_exist", "no course run exists with the given key")
	}
	return r, nil
}

// listCourseEnrollments takes key, curriculum and account from the program
// enrollment: a course row has none of its own.
func (s *Simulator) listCourseEnrollments(c *call) (reply, error) {
	s.world.mu.RLock()
	defer s.world.mu.RUnlock()
	p, r, err := s.world.programCourse(c)
	if err != nil {
		return reply{}, err
	}
	page, err := s.page(c, listRules(), func(from bound, n int) []keyed {
		return gather(p.courseRows[r], from, n, func(e entry[courseRow]) (any, bool) {
			owner, _ := p.rows.at(e.row.owner)
			return courseEnrollment{
				StudentKey: owner.row.studentKey, Status: e.row.status, AccountExists: owner.row.username != "",
				CurriculumUUID: owner.row.curriculum, CourseStaff: e.row.staff,
			}, true
		})
	})
	if err != nil {
		return reply{}, err
	}
	return jsonReply(http.StatusOK, page), nil
}

func isCourseStatus(word string) bool { return word == "active" || word == "inactive" }

// writeCourseEnrollments checks program and course before it reads the body, the
// shape of all rows next, and the rows one by one at the end.
func (s *Simulator) writeCourseEnrollments(c *call, method string) (reply, error) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	p, r, err := s.world.programCourse(c)
	if err != nil {
		return reply{}, err
	}
	rows, err := readBatch(c, batchShape{staff: true})
	if err != nil {
		return reply{}, err
	}
	rows, words := withoutDuplicates(rows)
	for _, row := range rows {
		// Found before the rows are looked at one by one, and filed under the key
		// as it is stored, which need not be the key as it was sent.
		if stored, ok := s.world.takenElsewhere(p, r, row); ok {
			words[stored] = "conflict"
			continue
		}
		words[row.key] = s.world.writeCourseRow(p, r, row, method)
	}
	return s.answerBatch(words, isCourseStatus), nil
}

// takenElsewhere finds an active seat of the same key in the same run through
// another program.
func (w *world) takenElsewhere(p *program, r *run, row batchRow) (string, bool) {
	if row.status != "active" {
		return "", false
	}
	for _, other := range w.programs {
		if other == p || !other.has(r) {
			continue
		}
		e, ok := other.courseRows[r].find(row.key)
		if !ok || !e.row.active() {
			continue
		}
		owner, _ := other.rows.at(e.row.owner)
		return owner.row.studentKey, true
	}
	return "", false
}

// writeCourseRow applies one row. Any program enrollment will do, a canceled one
// too.
func (w *world) writeCourseRow(p *program, r *run, row batchRow, method string) string {
	if !isCourseStatus(row.status) {
		return "invalid-status"
	}
	owner, ok := p.rows.find(row.key)
	if !ok {
		return "not-in-program"
	}
	t := p.courseRows[r]
	e, exists := t.find(row.key)
	switch {
	case exists && method == http.MethodPost:
		return "conflict"
	case !exists && method == http.MethodPatch:
		return "not-found"
	case !exists:
		e = t.add(strings.ToLower(row.key), next(&w.ids.course), courseRow{owner: owner.pos})
	}
	changed := e.row.status != row.status
	e.row.status = row.status
	if row.staff != nil {
		e.row.staff = *row.staff
	}
	t.set(e.pos, e.row)
	if changed && owner.row.username != "" {
		w.seat(r, owner.row.username, e.row.active())
	}
	return row.status
}
