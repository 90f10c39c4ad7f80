package config

// Tracking sends an event for each request that the original Registrar tracked.
type Tracking struct {
	// Base address of a Segment-compatible service that takes the events, such as https://api.segment.io. Empty: they are log lines only.
	URL string `yaml:"url" validate:"omitempty,base_url"`
	// Its write key.
	WriteKey Secret `yaml:"write_key"`
	// File that holds the write_key instead.
	WriteKeyFile string `yaml:"write_key_file"`
}

// Audit is the record of who read or wrote whose data.
type Audit struct {
	// Whether it is kept.
	Enabled bool `yaml:"enabled"`
	// Secret of the site by which student keys are hashed in it; several replicas need the same one. Empty: one made at each start, so that hashes can be compared within a run alone.
	Key Secret `yaml:"key" validate:"omitempty,min=16"`
	// File that holds the key instead.
	KeyFile string `yaml:"key_file"`
}
