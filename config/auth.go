package config

// Auth says whose tokens are believed.
type Auth struct {
	// The issuers, each with its keys. There must be at least one.
	Issuers []Issuer `yaml:"issuers"`
	// How far the issuer's clock may be ahead when a token's iat and nbf are checked. An expiry (exp) is never forgiven.
	Leeway Duration `yaml:"leeway" validate:"min=0s,max=5m"`
	// Time after which the keys behind each jwks_url are fetched again.
	JWKSRefresh Duration `yaml:"jwks_refresh" validate:"min=10s,max=24h"`
	// Least time between two fetches because of tokens with an unknown key.
	JWKSMinInterval Duration `yaml:"jwks_min_interval" validate:"min=1s,max=1h"`
	// Cookies in which the LMS leaves a user's token in the browser, for pages such as the Program Console; the pages themselves are named under cors.origins.
	Cookies Cookies `yaml:"cookies"`
}

// Cookies names both halves of a token.
type Cookies struct {
	// The cookie with the token up to its second dot: the LMS's JWT_AUTH_COOKIE_HEADER_PAYLOAD. Empty, with signature: cookies are no credentials.
	HeaderPayload string `yaml:"header_payload" validate:"omitempty,cookie_name"`
	// The cookie with the rest: the LMS's JWT_AUTH_COOKIE_SIGNATURE.
	Signature string `yaml:"signature" validate:"omitempty,cookie_name"`
}

// Issuer is one issuer of tokens, usually the LMS. It has a JWK set, the address
// of one, a shared secret, or several of them.
type Issuer struct {
	// The iss claim of its tokens, compared exactly: the ISSUER of the LMS's JWT_ISSUERS setting.
	Issuer string `yaml:"issuer" validate:"required" example:"https://lms.example.org/oauth2"`
	// The aud claim that its tokens must carry. Empty: not checked.
	Audience string `yaml:"audience" example:"openedx"`
	// Its public keys, as JSON: the LMS's JWT_PUBLIC_SIGNING_JWK_SET setting. Each issuer needs this, jwks_url or hs256_secret.
	JWKSet Secret `yaml:"jwk_set" validate:"omitempty,jwk_set"`
	// File that holds the jwk_set instead.
	JWKSetFile string `yaml:"jwk_set_file"`
	// Address of its public keys, as https://…; http:// only on this machine itself, for who can change the keys on their way can sign tokens.
	JWKSURL string `yaml:"jwks_url" validate:"omitempty,jwks_url"`
	// Secret that it shares with the gateway, for tokens signed with HS256. Prefer jwk_set: this secret can also sign.
	HS256Secret Secret `yaml:"hs256_secret"`
	// File that holds the hs256_secret instead.
	HS256SecretFile string `yaml:"hs256_secret_file"`
}
