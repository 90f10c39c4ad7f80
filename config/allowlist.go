package config

// defaultRules are the endpoints that schools asked the original's operators
// for. What a rule fixes in the query keeps the service account's own view out
// of the answer.
func defaultRules() []PassthroughRule {
	get := func(name, upstream, path, permission string) PassthroughRule {
		rule := newRule()
		rule.Name, rule.Upstream, rule.Path, rule.Permission = name, upstream, path, permission
		return rule
	}
	details := get("course-details", "lms", "/api/courses/v1/courses/{course_key}/", "read_metadata")
	details.Cache = minutes(5)

	// Without all_blocks the list is what one user sees, and it would be the service account.
	blocks := get("course-blocks", "lms", "/api/courses/v1/blocks/", "read_metadata")
	blocks.Query = map[string]string{"course_id": "{course_key}", "all_blocks": "true"}
	blocks.AllowQuery = []string{"block_counts", "block_types_filter", "depth", "nav_depth", "requested_fields", "return_type"}
	blocks.Cache = minutes(5)

	certificate := get("certificate", "lms", "/api/certificates/v0/certificates/{username}/courses/{course_key}/", "read_enrollments")

	enrollments := get("enrollments", "lms", "/api/enrollment/v1/enrollments/", "read_enrollments")
	enrollments.Query = map[string]string{"username": "{username}"}
	enrollments.AllowQuery = []string{"course_id", "cursor", "page_size"}
	enrollments.Filter = "course_id"

	// Without exclude_utm the marketing address carries the service account's username.
	run := get("course-run", "discovery", "/api/v1/course_runs/{course_key}/", "read_metadata")
	run.Query = map[string]string{"exclude_utm": "1"}
	run.Cache = minutes(15)

	return []PassthroughRule{details, blocks, certificate, enrollments, run}
}

// newRule is a rule before anything is said of it.
func newRule() PassthroughRule {
	return PassthroughRule{Methods: []string{"GET"}, MaxBody: 1 << 20, Timeout: seconds(30)}
}
