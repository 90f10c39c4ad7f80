package config

// Config is the whole configuration. Make one with [Load] or [Default]; the zero
// value is not usable.
type Config struct {
	// The HTTP server that callers reach.
	Server Server `yaml:"server"`
	// What is logged, and how. Log lines never hold personal data or secrets.
	Log Log `yaml:"log"`
	// Who may call: the issuers of the tokens that callers send.
	Auth Auth `yaml:"auth"`
	// The link store: organizations, programs, grants and learner links.
	Store Store `yaml:"store"`
	// What several replicas share besides the database.
	Redis Redis `yaml:"redis"`
	// The Open edX LMS, and the service account that the gateway uses there.
	LMS LMS `yaml:"lms"`
	// Course Discovery, which knows the programs and their course runs.
	Discovery Discovery `yaml:"discovery"`
	// How long answers are kept, and how widely one request fans out.
	Cache Cache `yaml:"cache"`
	// How much one caller may ask.
	Limits Limits `yaml:"limits"`
	// Which endpoints of the LMS and of Discovery callers reach through the gateway.
	Passthrough Passthrough `yaml:"passthrough"`
	// Which web pages may call from a browser.
	CORS CORS `yaml:"cors"`
	// The long work that callers order.
	Jobs Jobs `yaml:"jobs"`
	// Where the files of jobs are kept.
	Files Files `yaml:"files"`
	// Where reports lie for schools to fetch.
	Reports Reports `yaml:"reports"`
	// Features that can be turned on for some callers.
	Flags Flags `yaml:"flags"`
	// Events of use, as the original Registrar sent them.
	Tracking Tracking `yaml:"tracking"`
	// The record of who read or wrote whose data.
	Audit Audit `yaml:"audit"`
	// Metrics and traces.
	Telemetry Telemetry `yaml:"telemetry"`
}

// Server is the listener and the limits of one request.
type Server struct {
	// Address and port to listen on. Port 0 picks a free one.
	Listen string `yaml:"listen" validate:"required,listen"`
	// Base address at which callers reach the gateway, for links in answers. Empty: http:// and the address to listen on, or localhost where that is every address.
	PublicURL string `yaml:"public_url" validate:"omitempty,base_url"`
	// Time that one request may take, from its first byte to its answer.
	RequestTimeout Duration `yaml:"request_timeout" validate:"min=1s,max=10m"`
	// Time a caller may take to send a request.
	ReadTimeout Duration `yaml:"read_timeout" validate:"min=1s,max=10m"`
	// Time to send an answer. Must not be shorter than request_timeout.
	WriteTimeout Duration `yaml:"write_timeout" validate:"min=1s,max=1h"`
	// Time an idle connection is kept open for the next request.
	IdleTimeout Duration `yaml:"idle_timeout" validate:"min=1s,max=1h"`
	// At shutdown, time between failing the readiness probe and refusing requests, for the load balancer to notice.
	DrainDelay Duration `yaml:"drain_delay" validate:"min=0s,max=5m"`
	// At shutdown, time that running requests get to finish.
	DrainTimeout Duration `yaml:"drain_timeout" validate:"min=1s,max=10m"`
	// Largest request body; a larger one is answered 413.
	BodyLimit Size `yaml:"body_limit" validate:"min=1024,max=1073741824"`
	// Largest request line and headers together; tokens with many roles are long.
	HeaderLimit Size `yaml:"header_limit" validate:"min=4096,max=1048576"`
	// Addresses or networks of the proxies whose X-Forwarded headers are believed, such as 10.0.0.0/8.
	TrustedProxies []string `yaml:"trusted_proxies" validate:"dive,cidr|ip"`
}

// Log chooses the log's amount and form.
type Log struct {
	// The least important lines that are written.
	Level string `yaml:"level" validate:"oneof=debug info warn error"`
	// One JSON object a line for machines, or text for people.
	Format string `yaml:"format" validate:"oneof=json text"`
}

// Store is the database.
type Store struct {
	// Database to use, as sqlite:PATH for one machine or postgres://USER:PASSWORD@HOST/NAME for several replicas.
	DSN Secret `yaml:"dsn" validate:"required,dsn"`
	// File that holds the dsn instead.
	DSNFile string `yaml:"dsn_file"`
	// Most connections to PostgreSQL at a time, for each replica; SQLite has its own rule.
	MaxConns int `yaml:"max_conns" validate:"min=1,max=1000"`
	// Age up to which programs and grants are answered from memory; a revoked grant holds on for as long.
	DirectoryTTL Duration `yaml:"directory_ttl" validate:"min=0s,max=5m"`
}
