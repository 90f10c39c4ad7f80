package config

// LMS is the Open edX LMS.
type LMS struct {
	// Base address at which the gateway reaches the LMS.
	URL string `yaml:"url" validate:"required,base_url" example:"https://lms.example.org"`
	// Base address at which people reach the LMS, for links in answers. Empty: url.
	PublicURL string `yaml:"public_url" validate:"omitempty,base_url"`
	// Client id of the gateway's service account, from the LMS's OAuth applications.
	ClientID string `yaml:"client_id" validate:"required" example:"registrar"`
	// Its client secret.
	ClientSecret Secret `yaml:"client_secret" validate:"required"`
	// File that holds the client_secret instead.
	ClientSecretFile string `yaml:"client_secret_file"`
	// Where access tokens are fetched. Empty: url with /oauth2/access_token.
	TokenURL string `yaml:"token_url" validate:"omitempty,base_url"`

	Calls `yaml:",inline"`

	// Rows to ask for in one page of a listing.
	PageSize int `yaml:"page_size" validate:"min=1,max=10000"`
	// Rows to ask for in one page of grades, which the LMS computes slowly.
	GradesPageSize int `yaml:"grades_page_size" validate:"min=1,max=10000"`
	// Where completion comes from: the completion aggregator plugin, the progress API, whichever the site has, or nowhere.
	Completion string `yaml:"completion" validate:"oneof=auto aggregator progress off"`
	// Most learners of a course run whose completion is asked for one by one, through the progress API.
	ProgressMaxLearners int `yaml:"progress_max_learners" validate:"min=1,max=100000"`
}

// Discovery is Course Discovery. It is called with the LMS's service account
// unless it has one of its own.
type Discovery struct {
	// Base address at which the gateway reaches Discovery.
	URL string `yaml:"url" validate:"required,base_url" example:"https://discovery.example.org"`
	// Client id of a service account for Discovery alone. Empty: the LMS's is used.
	ClientID string `yaml:"client_id"`
	// Its client secret.
	ClientSecret Secret `yaml:"client_secret"`
	// File that holds the client_secret instead.
	ClientSecretFile string `yaml:"client_secret_file"`
	// Where that account's access tokens are fetched. Empty: the LMS's token_url.
	TokenURL string `yaml:"token_url" validate:"omitempty,base_url"`

	Calls `yaml:",inline"`

	// Rows to ask for in one page of a listing.
	PageSize int `yaml:"page_size" validate:"min=1,max=1000"`
}

// Calls is how the gateway calls one upstream.
type Calls struct {
	// Time for one try of one call.
	Timeout Duration `yaml:"timeout" validate:"min=100ms,max=5m"`
	// Largest answer that is read; a larger one counts as a failure.
	MaxBody Size `yaml:"max_body" validate:"min=65536,max=1073741824"`
	// Most calls at a time, for each replica; further ones wait.
	Concurrency int `yaml:"concurrency" validate:"min=1,max=1000"`
	// Most repetitions of one read that failed. Writes are never repeated by this rule.
	Retries int `yaml:"retries" validate:"min=0,max=10"`
	// Most repetitions as a share of all calls, 0.1 being one in ten, so that an outage is not made worse.
	RetryBudget float64 `yaml:"retry_budget" validate:"min=0,max=1"`
	// When to stop calling an upstream that fails.
	Breaker Breaker `yaml:"breaker"`
	// How much may be asked of the upstream, by all replicas together. The answer 429 is heeded without a budget too.
	Budget Budget `yaml:"budget"`
}

// Breaker opens when too large a share of the calls of one kind fails; answers
// 4xx and 500 are no failures.
type Breaker struct {
	// Share of failed calls within the window that opens the breaker.
	FailureRate float64 `yaml:"failure_rate" validate:"min=0.01,max=1"`
	// Calls within the window before it may open at all. Fewer are enough where so many cannot time out within it.
	MinCalls int `yaml:"min_calls" validate:"min=1,max=10000"`
	// Time over which calls are counted.
	Window Duration `yaml:"window" validate:"min=1s,max=10m"`
	// Time for which no calls are made, before one is tried again.
	OpenFor Duration `yaml:"open_for" validate:"min=100ms,max=10m"`
	// Only log that it would open, and go on calling.
	Observe bool `yaml:"observe"`
}
