package simulator

import (
	"net/http"
	"strconv"
)

// noProgress is the answer of a course whose progress page is off, and of every
// key or id that the page cannot read.
func noProgress(*call) (reply, error) {
	return reply{}, fail(http.StatusNotFound, "Not found.")
}

// progress is the back end of the learning front end's progress page.
func (s *Simulator) progress(c *call) (reply, error) {
	s.world.mu.RLock()
	defer s.world.mu.RUnlock()
	r, ok := s.world.run(c.args[0])
	if !ok || s.opts.Build.ProgressOff {
		return noProgress(c)
	}
	student, _ := s.world.account(c.caller.username)
	if c.args[1] != "" {
		id, err := strconv.ParseInt(c.args[1], 10, 64)
		var known bool
		student, known = s.world.accountByID(id)
		if err != nil || !known || !c.caller.staff && student.username != c.caller.username {
			return noProgress(c)
		}
	}
	e, ok := r.enrollments.find(student.username)
	enrolled := ok && e.row.active
	if !enrolled && !c.caller.staff {
		// 401, and yet nothing is wrong with the token.
		return jsonReply(http.StatusUnauthorized, "User not enrolled."), nil
	}
	var mode *string
	if enrolled {
		mode = &e.row.mode
	}
	return jsonReply(http.StatusOK, s.world.progressOf(r, student.username, mode)), nil
}

// progressOf is the page's body; mode is nil for somebody who is not enrolled.
func (w *world) progressOf(r *run, username string, mode *string) map[string]any {
	g, done := w.grade(r, username), w.completion(r, username)
	if mode == nil {
		g, done = grade{}, completion{}
	}
	var cert any
	if found, ok := w.certificate(r, username); ok {
		cert = map[string]any{
			"cert_status": found.status, "cert_web_view_url": found.url, "download_url": nil, "certificate_available_date": nil,
		}
	}
	return map[string]any{
		// Gated units count as locked and as nothing else.
		"completion_summary": map[string]int{
			"complete_count": done.earned, "incomplete_count": unitsPerRun - done.earned - done.locked, "locked_count": done.locked,
		},
		"course_grade":     map[string]any{"letter_grade": g.letter, "percent": g.percent, "is_passing": g.passed},
		"certificate_data": cert, "enrollment_mode": mode, "end": r.end, "user_has_passing_grade": g.passed, "username": username,
		"access_expiration": nil, "credit_course_requirements": nil, "disable_progress_graph": false,
		"has_scheduled_content": false, "section_scores": []any{}, "studio_url": nil, "verified_mode": nil,
		"grading_policy":    map[string]any{"assignment_policies": []any{}, "grade_range": map[string]float64{"A": 0.9, "B": 0.8, "C": 0.7, "D": 0.6}},
		"verification_data": map[string]any{"link": nil, "status": "none", "status_date": nil},
	}
}
