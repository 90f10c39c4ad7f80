package simulator

import (
	"encoding/json"
	"net/http"
	"slices"
)

type courseMode struct {
	Slug            string  `json:"slug"`
	Name            string  `json:"name"`
	MinPrice        int     `json:"min_price"`
	SuggestedPrices string  `json:"suggested_prices"`
	Currency        string  `json:"currency"`
	Expiration      *string `json:"expiration_datetime"`
	Description     *string `json:"description"`
	SKU             *string `json:"sku"`
	BulkSKU         *string `json:"bulk_sku"`
}

type courseDetails struct {
	CourseID        string       `json:"course_id"`
	CourseName      string       `json:"course_name"`
	EnrollmentStart *string      `json:"enrollment_start"`
	EnrollmentEnd   *string      `json:"enrollment_end"`
	CourseStart     string       `json:"course_start"`
	CourseEnd       string       `json:"course_end"`
	InviteOnly      bool         `json:"invite_only"`
	CourseModes     []courseMode `json:"course_modes"`
	PacingType      string       `json:"pacing_type"`
}

type enrollmentDetail struct {
	Created       string        `json:"created"`
	Mode          string        `json:"mode"`
	IsActive      bool          `json:"is_active"`
	User          string        `json:"user"`
	CourseDetails courseDetails `json:"course_details"`
}

// detailsOf is the course as the enrollment API shows it with every seat.
func detailsOf(r *run) courseDetails {
	d := courseDetails{
		CourseID: r.key, CourseName: r.title, CourseStart: r.start, CourseEnd: r.end, PacingType: "Instructor Paced",
	}
	for _, m := range [][2]string{{"audit", "Audit"}, {"verified", "Verified"}, {"masters", "Masters"}} {
		mode := courseMode{Slug: m[0], Name: m[1], Currency: "usd"}
		if m[0] == "verified" {
			mode.MinPrice = 49
		}
		d.CourseModes = append(d.CourseModes, mode)
	}
	return d
}

func (w *world) showDetail(r *run, e entry[enrollment]) enrollmentDetail {
	i := w.showEnrollment(r, e)
	return enrollmentDetail{Created: i.Created, Mode: i.Mode, IsActive: i.IsActive, User: i.User, CourseDetails: detailsOf(r)}
}

// sees says whose seats the caller may look at. Views that refuse hide that the
// user exists.
func (c *call) sees(username string) bool {
	return c.caller.staff || c.caller.apiKey || c.caller.username == username
}

// userEnrollments lists a user's active seats. A stranger gets an empty list, no 403.
func (s *Simulator) userEnrollments(c *call) (reply, error) {
	username := c.query.Get("user")
	if username == "" {
		username = c.caller.username
	}
	s.world.mu.RLock()
	defer s.world.mu.RUnlock()
	out := []enrollmentDetail{}
	for _, r := range s.world.runs {
		if e, ok := r.enrollments.find(username); ok && e.row.active && c.sees(username) {
			out = append(out, s.world.showDetail(r, e))
		}
	}
	return jsonReply(http.StatusOK, out), nil
}

// refused is this API's own way to word a 400.
func refused(text string) reply {
	return jsonReply(http.StatusBadRequest, map[string]string{"message": text})
}

// getEnrollment answers an empty 200 for somebody who is not enrolled and an
// empty 404 to somebody who may not know.
func (s *Simulator) getEnrollment(c *call) (reply, error) {
	if !c.sees(c.args[0]) {
		return emptyReply(http.StatusNotFound), nil
	}
	s.world.mu.RLock()
	defer s.world.mu.RUnlock()
	r, ok := s.world.run(c.args[1])
	if !ok {
		return refused("No course is found for the given key."), nil
	}
	e, ok := r.enrollments.find(c.args[0])
	if !ok {
		return emptyReply(http.StatusOK), nil
	}
	return jsonReply(http.StatusOK, s.world.showDetail(r, e)), nil
}

type enrollmentRequest struct {
	User          string `json:"user"`
	Email         string `json:"email"`
	Mode          string `json:"mode"`
	IsActive      any    `json:"is_active"`
	Force         any    `json:"force_enrollment"`
	CourseDetails struct {
		CourseID string `json:"course_id"`
	} `json:"course_details"`
}

// postEnrollment reads booleans strictly: the text "true" is a 400.
func (s *Simulator) postEnrollment(c *call) (reply, error) {
	var q enrollmentRequest
	if err := json.Unmarshal(c.body, &q); err != nil {
		return reply{}, fail(http.StatusBadRequest, "JSON parse error - malformed document")
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if q.CourseDetails.CourseID == "" {
		return refused("Course ID must be specified to create a new enrollment."), nil
	}
	r, ok := s.world.run(q.CourseDetails.CourseID)
	if !ok {
		return refused("No course is found for the given key."), nil
	}
	for _, v := range []any{q.IsActive, q.Force} {
		if _, isBool := v.(bool); v != nil && !isBool {
			return refused("A switch of the request is not a boolean."), nil
		}
	}
	return s.enroll(c, q, r), nil
}

// enroll seats a user who was named rightly; the same seat twice is 200 again.
func (s *Simulator) enroll(c *call, q enrollmentRequest, r *run) reply {
	user, named := s.world.account(c.caller.username)
	if q.User != "" {
		user, named = s.world.account(q.User)
	} else if q.Email != "" {
		user, named = s.world.accountByEmail(q.Email)
	}
	privileged := c.caller.staff || c.caller.apiKey
	if q.Mode == "" {
		q.Mode = "audit"
	}
	switch {
	case !privileged && (!named || user.username != c.caller.username):
		return emptyReply(http.StatusNotFound)
	case !named:
		return jsonReply(http.StatusNotAcceptable, map[string]string{"message": "The user does not exist."})
	case q.Mode != "audit" && q.Mode != "honor" && !privileged:
		return jsonReply(http.StatusForbidden, map[string]string{"message": "The caller may not choose this mode."})
	case !slices.ContainsFunc(detailsOf(r).CourseModes, func(m courseMode) bool { return m.Slug == q.Mode }):
		return jsonReply(http.StatusBadRequest, map[string]any{"message": "The course has no such mode.", "course_details": detailsOf(r)})
	}
	e, exists := r.enrollments.find(user.username)
	active, _ := q.IsActive.(bool)
	active = active || q.IsActive == nil
	switch {
	case exists && !active && privileged && q.Mode != e.row.mode:
		return refused("The mode of the enrollment is another one.")
	case !exists:
		row := enrollment{user: user.username, mode: q.Mode, active: active}
		e = r.enrollments.add(user.username, next(&s.world.ids.enrollment), row)
	case active || privileged:
		e.row.mode, e.row.active = q.Mode, active
		r.enrollments.set(e.pos, e.row)
	}
	return jsonReply(http.StatusOK, s.world.showDetail(r, e))
}
