package simulator

import (
	"net/http"
	"slices"
	"strings"
)

// outcomeViews say what learners made of their courses.
func (s *Simulator) outcomeViews() []view {
	args := func(i int) func(*call) string { return func(c *call) string { return c.args[i] } }
	queried := func(c *call) string { return c.query.Get("course_id") }
	grades := view{family: developer, permit: restrictedAccess("grades:read", queriedUser, args(0)), methods: get(s.courseGradesByPath)}
	byQuery := view{family: developer, permit: restrictedAccess("grades:read", queriedUser, queried), methods: get(s.courseGradesByQuery)}
	detail := view{family: plain, permit: restrictedAccess("certificates:read", args(0), args(1)), methods: get(s.certificateDetail)}
	views := []view{
		at("/api/grades/v1/courses/", coursePattern+`/$`, grades),
		at("/api/grades/v1/courses/", `$`, byQuery),
		at("/api/certificates/v0/certificates/", `([^/]+)/courses/`+coursePattern+`/$`, detail),
		at("/api/certificates/v0/certificates/", `([^/]+)/$`, view{family: plain, methods: get(s.certificateList)}),
		at("/api/course_home/", `(?:v1/)?progress/(course-v1:[^/]+)(?:/([^/]+))?/?$`, view{family: plain, methods: get(s.progress)}),
		at("/api/course_home/", `(?:v1/)?progress/.`, view{family: plain, methods: get(noProgress)}),
		at("/api/courses/v1/courses/", coursePattern+`/?$`, view{open: true, family: developer, methods: get(s.courseDetail)}),
		at("/api/courses/v1/blocks/", `$`, view{family: developer, methods: get(s.courseBlocks)}),
	}
	if !s.opts.Build.NoAggregator {
		views = append(views, at("/completion-aggregator/v1/course/", coursePattern+`/$`, view{family: plain, methods: get(s.aggregate)}))
	}
	return views
}

type courseGrade struct {
	Username    string  `json:"username"`
	Email       string  `json:"email"`
	CourseID    string  `json:"course_id"`
	Passed      bool    `json:"passed"`
	Percent     decimal `json:"percent"`
	LetterGrade *string `json:"letter_grade"`
}

func (s *Simulator) courseGradesByPath(c *call) (reply, error) { return s.courseGrades(c, c.args[0]) }

func (s *Simulator) courseGradesByQuery(c *call) (reply, error) {
	return s.courseGrades(c, c.query.Get("course_id"))
}

// courseGrades is a bare list of one with a username, and a page without.
func (s *Simulator) courseGrades(c *call, key string) (reply, error) {
	s.world.mu.RLock()
	defer s.world.mu.RUnlock()
	r, err := s.world.existingRun(key)
	if err != nil {
		return reply{}, err
	}
	if c.query.Has("username") {
		return s.oneCourseGrade(r, c.query.Get("username"))
	}
	page, err := s.page(c, cursorRules{size: 50, strictSize: true}, func(from bound, n int) []keyed {
		return gather(r.enrollments, from, n, func(e entry[enrollment]) (any, bool) {
			// A grade that cannot be computed leaves its learner out without a word.
			if !e.row.active {
				return nil, false
			}
			username := s.world.seatedUser(e.row)
			g := s.world.grade(r, username)
			item := courseGrade{username, "", r.key, g.passed, g.percent, g.letter}
			if e.row.mode == "masters" {
				a, _ := s.world.account(username)
				item.Email = a.email
			}
			return item, !g.broken
		})
	})
	if err != nil {
		return reply{}, err
	}
	return jsonReply(http.StatusOK, page), nil
}

// oneCourseGrade accepts an inactive seat, and crashes where the list is silent.
func (s *Simulator) oneCourseGrade(r *run, username string) (reply, error) {
	if _, ok := s.world.account(username); !ok {
		return reply{}, notFound("user_does_not_exist", "The user matching the requested username does not exist.")
	}
	if _, ok := r.enrollments.find(username); !ok {
		return reply{}, notFound("user_not_enrolled", "The user is not enrolled in this course.")
	}
	g := s.world.grade(r, username)
	if g.broken {
		return htmlReply(http.StatusInternalServerError), nil
	}
	return jsonReply(http.StatusOK, []courseGrade{{username, "", r.key, g.passed, g.percent, g.letter}}), nil
}

type certificateDetail struct {
	Username        string  `json:"username"`
	CourseID        string  `json:"course_id"`
	CertificateType string  `json:"certificate_type"`
	CreatedDate     string  `json:"created_date"`
	Status          string  `json:"status"`
	IsPassing       bool    `json:"is_passing"`
	DownloadURL     *string `json:"download_url"`
	Grade           string  `json:"grade"` // text, unlike every other grade
}

type certificateItem struct {
	certificateDetail
	DisplayName  string `json:"course_display_name"`
	Organization string `json:"course_organization"`
	ModifiedDate string `json:"modified_date"`
	UUID         string `json:"uuid"`
}

func showCertificate(r *run, username string, cert certificate) certificateDetail {
	return certificateDetail{
		Username: username, CourseID: r.key, CertificateType: "masters", CreatedDate: cert.created,
		Status: cert.status, IsPassing: cert.passing(), DownloadURL: cert.url, Grade: cert.grade.String(),
	}
}

// certificateDetail tells its three 404s apart by error_code alone.
func (s *Simulator) certificateDetail(c *call) (reply, error) {
	s.world.mu.RLock()
	defer s.world.mu.RUnlock()
	code := ""
	r, ok := s.world.run(c.args[1])
	switch {
	case !ok:
		code = "course_id_not_valid"
	case !r.certified():
		code = "no_certificate_configuration_for_course"
	default:
		cert, ok := s.world.certificate(r, c.args[0])
		if ok {
			return jsonReply(http.StatusOK, showCertificate(r, c.args[0], cert)), nil
		}
		code = "no_certificate_for_user"
	}
	return jsonReply(http.StatusNotFound, map[string]string{"error_code": code}), nil
}

// certificateList holds passing certificates only, newest run last. An unknown
// user has none, says the LMS to staff.
func (s *Simulator) certificateList(c *call) (reply, error) {
	if !c.caller.staff && !c.caller.is(c.args[0]) {
		return reply{}, forbidden()
	}
	s.world.mu.RLock()
	defer s.world.mu.RUnlock()
	out := []certificateItem{}
	for _, r := range s.world.runs {
		cert, ok := s.world.certificate(r, c.args[0])
		if !ok || !cert.passing() {
			continue
		}
		out = append(out, certificateItem{
			certificateDetail: showCertificate(r, c.args[0], cert), DisplayName: r.title,
			Organization: r.org(), ModifiedDate: cert.created, UUID: cert.uuid,
		})
	}
	slices.SortStableFunc(out, func(a, b certificateItem) int { return strings.Compare(a.CreatedDate, b.CreatedDate) })
	return jsonReply(http.StatusOK, out), nil
}
