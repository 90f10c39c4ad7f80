package routes

import (
	"cmp"
	"log/slog"
	"strings"
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
	// APIRoot is the public address of "/api", which the addresses of jobs begin
	// with; default: as the request itself was addressed.
	APIRoot string
	// Flags are the features that are on for some callers. It is asked for every
	// request that depends on one; default: all are off.
	Flags func() Flags
}

// Flags are the switchable features, by what they add to files.
type Flags struct {
	Account registrar.Flag // "include_name_email_in_get_program_enrollment"
	Staff   registrar.Flag // "enable_course_role_management"
}

// The names that the original's operators know the flags by.
const (
	accountFlag = "include_name_email_in_get_program_enrollment"
	staffFlag   = "enable_course_role_management"
)

// Deps is whom the API asks. Every field is needed unless it says otherwise.
type Deps struct {
	Directory Directory
	Catalog   Catalog
	Learners  Learners
	Tables    Tables
	Purger    Purger
	Submitter Submitter
	Jobs      JobBook
	Linker    Linker
	Enroller  Enroller
	Reports   Reports // nil: no program has any
}

// API answers the routes under /api/v1, /api/v2 and /api/v3, and the internal ones
// beside them. It keeps nothing between requests.
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
	config.APIRoot = strings.TrimSuffix(config.APIRoot, "/")
	if config.Flags == nil {
		config.Flags = func() Flags { return Flags{} }
	}
	return &API{config: config, deps: deps}
}

// otherMethods asks whoever mounts a path to call the handler before it says which
// methods the path has.
const otherMethods = "*"

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
	get("/api/v3/jobs", a.jobs)
	get("/api/v3/jobs/:job_id", a.job)

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

	const purge = "/api/internal/cache"
	add(fiber.MethodDelete, purge, a.purgeAll)
	add(fiber.MethodDelete, purge+"/:program_key", a.purgeProgram)
	// The other methods do not exist for others either.
	others := func(c *fiber.Ctx) error { return staffOnly(c, nil) }
	add(otherMethods, purge, others)
	add(otherMethods, purge+"/:program_key", others)

	a.mountOriginal(add)
}
