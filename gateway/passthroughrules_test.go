package gateway_test

import (
	"time"

	"registrar/gateway"
	"registrar/internal/registrar"
)

// siteRules are like those that the configuration has by default. Each says what
// its answers show; all of them only read.
func siteRules() []gateway.Rule {
	return []gateway.Rule{
		{
			// Catalogue data of one run: name, dates, pacing. Anybody may read it at the
			// LMS. The parameter "username", which changes whose view it is, does not pass.
			Name: "lms-course", Upstream: gateway.LMS, Path: "/api/courses/v1/courses/{course_key}/",
			Permission: registrar.ReadMetadata, Cache: 5 * time.Minute,
		},
		{
			// The outline: titles and types of all blocks, also of those that learners
			// cannot see yet. No learner's data: "username" does not pass.
			Name: "lms-course-blocks", Upstream: gateway.LMS, Path: "/api/courses/v1/blocks/",
			Query:      map[string]string{"course_id": "{course_key}", "all_blocks": "true"},
			AllowQuery: []string{"depth", "block_types_filter", "block_counts", "requested_fields", "return_type"},
			Permission: registrar.ReadMetadata, Cache: time.Minute,
		},
		{
			// One learner's certificate in one run: status, grade, link. The learner and
			// the run must meet in one program of the caller.
			Name: "lms-certificate", Upstream: gateway.LMS, Path: "/api/certificates/v0/certificates/{username}/courses/{course_key}/",
			Permission: registrar.ReadEnrollments,
		},
		{
			// One learner's seats: run, mode, active or not. The LMS tells those of every
			// school, so what is outside the caller's programs is taken out. Neither
			// "course_ids" nor "email" pass: they would ask about others.
			Name: "lms-learner-enrollments", Upstream: gateway.LMS, Path: "/api/enrollment/v1/enrollments/",
			Query:      map[string]string{"username": "{username}"},
			AllowQuery: []string{"cursor", "page_size"},
			Permission: registrar.ReadEnrollments, Filter: "course_id",
		},
		{
			// Catalogue data of one run, with the titles of all programs that list it.
			// Without exclude_utm, links in it would carry our account's name.
			Name: "discovery-course-run", Upstream: gateway.Discovery, Path: "/api/v1/course_runs/{course_key}/",
			Query:      map[string]string{"exclude_utm": "1"},
			Permission: registrar.ReadMetadata, Cache: 5 * time.Minute,
		},
	}
}
