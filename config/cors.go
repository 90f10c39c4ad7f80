package config

// CORS is which web pages may call the gateway from a browser, with the
// browser's cookies.
type CORS struct {
	// Origins of those pages, compared exactly, such as https://console.example.org. Empty: none.
	Origins []string `yaml:"origins" validate:"dive,origin"`
	// Time for which a browser remembers that it may call.
	MaxAge Duration `yaml:"max_age" validate:"min=0s,max=24h"`
}
