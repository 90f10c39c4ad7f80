package routes

import (
	"cmp"
	"log/slog"
	"time"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// Config holds what an operator may set about the API itself. The zero value is
// the documented behaviour.
type Config struct {
	PageSize    int              // rows of a page when the caller names no size; default 100
	MaxPageSize int              // larger sizes are cut down to it; default 1000
	Now         func() time.Time // the clock that ages are told by; default time.Now
	Log         *slog.Logger     // for answers that break off half way; default: nowhere
}

// Deps is whom the API asks. Every field is needed.
type Deps struct {
	Directory Directory
	Catalog   Catalog
	Learners  Learners
	Tables    Tables
	Purger    Purger
}

// API answers the routes under /api/v3, and the internal ones beside them. It keeps nothing between requests.
type API struct {
	config Config
	deps   Deps
}

// New returns an API that asks deps.
func New(config Config, deps Deps) *API {
	config.PageSize = cmp.Or(config.PageSize, 100)
	config.MaxPageSize = cmp.Or(config.MaxPageSize, 1000)
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	return &API{config: config, deps: deps}
}

// Mount hands every route to add, as a fiber path without a trailing slash. All
// of them expect a principal in the request's context. "+" stands for a course
// id and is greedy, because a legacy course key holds slashes.
func (a *API) Mount(add func(method, path string, handler fiber.Handler)) {
	const (
		programs = "/api/v3/programs"
		program  = programs + "/:program_key"
		learner  = program + "/learners/:student_key"
		course   = program + "/courses/+"
	)
	get := func(path string, handler fiber.Handler) { add(fiber.MethodGet, path, handler) }

	get(programs, a.programs)
	get(program, a.program)
	get("/api/v3/learners/:student_key/programs", a.learnerPrograms)

	get(program+"/learners", a.learners)
	get(learner, a.learner(registrar.Parts{Grades: true, Completion: true, Certificates: true}, recordBody))
	get(learner+"/courses", a.learner(registrar.Parts{}, coursesBody))
	get(learner+"/grades", a.learner(registrar.Parts{Grades: true}, gradesBody))
	get(learner+"/completion", a.learner(registrar.Parts{Completion: true}, completionBody))

	grades := table(a, gradeShape(), a.deps.Tables.Grades)
	get(program+"/grades", grades)
	get(course+"/grades", grades)
	completion := table(a, completionShape(), a.deps.Tables.Completion)
	get(program+"/completion", completion)
	get(course+"/completion", completion)
	enrollments := table(a, enrollmentShape(), a.deps.Tables.CourseEnrollments)
	get(program+"/course_enrollments", enrollments)
	get(course+"/enrollments", enrollments)

	add(fiber.MethodDelete, "/api/internal/cache", a.purgeAll)
	add(fiber.MethodDelete, "/api/internal/cache/:program_key", a.purgeProgram)
}
