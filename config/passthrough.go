package config

// Passthrough is the allow-list of upstream endpoints that callers reach through
// the gateway. What is not on it does not exist.
type Passthrough struct {
	// What passes under /lms and /discovery. What no rule fits is answered 404. A list here replaces the default one.
	Rules []PassthroughRule `yaml:"rules"`
}

// PassthroughRule opens one endpoint. Every placeholder in it is something that
// the caller must have a permission on, so a rule without one is for superusers
// alone and has to say so.
type PassthroughRule struct {
	// Name of the rule in metrics and logs: small letters, digits and dashes.
	Name string `yaml:"name" validate:"required,rule_name"`
	// The upstream, which is also the first segment of the caller's path.
	Upstream string `yaml:"upstream" validate:"required,oneof=lms discovery"`
	// Methods that pass; HEAD comes with GET.
	Methods []string `yaml:"methods" validate:"dive,oneof=GET POST PUT PATCH DELETE"`
	// Path below the upstream's url, with the slash at its end if it has one there; callers may leave that off. Whole segments may be "{program_uuid}", "{course_key}" and "{username}", each once in a rule.
	Path string `yaml:"path" validate:"required"`
	// Query names with their values: a placeholder in quotes, "{course_key}", which the caller must give, or a text, which is always sent.
	Query map[string]string `yaml:"query"`
	// Further query names that a caller may give. No others pass. The upstream trusts the service account, so none of them may widen what is asked for.
	AllowQuery []string `yaml:"allow_query" validate:"dive,query_name"`
	// What the caller must hold on a program that has all that the placeholders name.
	Permission string `yaml:"permission" validate:"omitempty,oneof=read_metadata read_enrollments read_reports write_enrollments"`
	// Must be true, without a permission, for a rule without a placeholder: only superusers may then call it.
	Superuser bool `yaml:"superuser"`
	// Member of each item of the answer that holds a course key, such as course_id or course_details.course_id: items of other programs' course runs are taken out. Required where "{username}" is the only placeholder, for such answers speak of every school of that learner; none says that this one does not.
	Filter string `yaml:"filter" validate:"omitempty,member"`
	// Time for which an answer is kept, the same for all who may ask. For rules with GET as the only method. 0s: not kept.
	Cache Duration `yaml:"cache" validate:"min=0s,max=168h"`
	// Largest request body.
	MaxBody Size `yaml:"max_body" validate:"min=1024,max=1073741824"`
	// Time for the whole exchange; server.request_timeout and write_timeout end it too.
	Timeout Duration `yaml:"timeout" validate:"min=100ms,max=1h"`
}
