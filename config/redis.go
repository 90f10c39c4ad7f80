package config

// Redis is what the replicas share besides the database: the second tier of the
// cache, the counters of rate limits and budgets, and word of what was dropped.
type Redis struct {
	// Redis that the replicas share, as redis://… or, with TLS, rediss://USER:PASSWORD@HOST:PORT/DATABASE. Empty: none, for one process alone.
	URL Secret `yaml:"url" validate:"omitempty,redis_url"`
	// File that holds the url instead.
	URLFile string `yaml:"url_file"`
	// Time for one command that a request waits for; after it the request goes on without Redis.
	Timeout Duration `yaml:"timeout" validate:"min=1ms,max=5s"`
}
