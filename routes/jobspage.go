package routes

import (
	"net/http"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
)

// JobsPath is where the page of queues is; it believes that it is at the root of
// this.
const JobsPath = "/internal/jobs"

// JobsPage is the job library's own page, for the site's staff: which jobs wait,
// run and failed, by id. Visitors may cancel and retry there.
type JobsPage struct {
	page fiber.Handler
}

// NewJobsPage puts page, which serves everything below [JobsPath], behind the wall.
func NewJobsPage(page http.Handler) *JobsPage {
	return &JobsPage{page: adaptor.HTTPHandler(page)}
}

// Mount hands the routes of the page to add. All of them expect a principal in the
// request's context.
func (p *JobsPage) Mount(add func(method, path string, handler fiber.Handler)) {
	for _, path := range []string{JobsPath, JobsPath + "/*"} {
		for _, method := range []string{fiber.MethodGet, fiber.MethodPost, fiber.MethodPut, fiber.MethodPatch, fiber.MethodDelete} {
			add(method, path, p.show)
		}
		// The other methods do not exist for others either.
		add(otherMethods, path, func(c *fiber.Ctx) error { return staffOnly(c, nil) })
	}
}

func (p *JobsPage) show(c *fiber.Ctx) error {
	if err := staffOnly(c, nil); err != nil {
		return err
	}
	if err := p.page(c); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentSecurityPolicy, docsPolicy)
	c.Set(fiber.HeaderCacheControl, "private, no-store")
	return nil
}
