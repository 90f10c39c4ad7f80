package config

// Limits is how much one caller may ask, by kind of request.
type Limits struct {
	// Only count and log what would be refused, and refuse nothing.
	Observe bool `yaml:"observe"`
	// What counts while Redis cannot be asked: each replica alone, everything passes, or nothing passes.
	WhenRedisFails string `yaml:"when_redis_fails" validate:"oneof=local open closed"`
	// Requests for one program, one learner, or a page of a list.
	Read Bucket `yaml:"read"`
	// Requests for a whole table: grades, completion or enrollments.
	Table Bucket `yaml:"table"`
	// Requests that write enrollments or upload them.
	Write Bucket `yaml:"write"`
	// Requests that pass through to the LMS or Discovery.
	Passthrough Bucket `yaml:"passthrough"`
	// Requests to the internal API, such as a purge of the cache.
	Internal Bucket `yaml:"internal"`
}

// Bucket is a token bucket: it holds burst tokens and gets rate new ones in
// every per.
type Bucket struct {
	// How many are let through in the long run, for each per. 0: no limit.
	Rate int `yaml:"rate" validate:"min=0,max=1000000"`
	// Time that the rate is counted over.
	Per Duration `yaml:"per" validate:"min=1s,max=24h"`
	// How many may come at once after a pause.
	Burst int `yaml:"burst" validate:"min=1,max=1000000"`
}

// Budget is how much all replicas together may ask of one upstream.
type Budget struct {
	Bucket `yaml:",inline"`

	// Share of the budget that background work leaves to the requests that somebody waits for.
	Reserve float64 `yaml:"reserve" validate:"min=0,max=0.9"`
	// Only count and log what would be held back, and hold nothing back.
	Observe bool `yaml:"observe"`
}
