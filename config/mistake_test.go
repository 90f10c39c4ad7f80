package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"registrar/config"
)

// planted marks each of its mistakes with the key that must be reported there.
const planted = `servr:                                        #! servr
  listen: 127.0.0.1:1
server:
  listen: localhost                           #! server.listen
  request_timeout: 30                         #! server.request_timeout
  read_timeout: 1ms                           #! server.read_timeout
  write_timeout: 2s
  idle_timeout: 5 minutes                     #! server.idle_timeout
  body_limit: 32MB                            #! server.body_limit
  header_limit: 1                             #! server.header_limit
  trusted_proxies:
    - 10.0.0.0/8
    - everywhere                              #! server.trusted_proxies[1]
  time_out: 3s                                #! server.time_out
log:
  level: debug
  level: info                                 #! log.level
  format: [json]                              #! log.format
auth:
  leeway: -1s                                 #! auth.leeway
  jwks_refresh: 15s                           #! auth.jwks_refresh
  jwks_min_interval: 20s
  cookies:
    header_payload: a=b                       #! auth.cookies.header_payload
  issuers:
    - issuer: https://lms.example.org/oauth2  #! auth.issuers[0]
    - issuer: second
      jwk_set: '{"keys": canary}'             #! auth.issuers[1].jwk_set
    - hs256_secret: canary                    #! auth.issuers[2].issuer
    - issuer: fourth
      jwks_url: http://keys.example.org/jwks  #! auth.issuers[3].jwks_url
store:
  dsn: mysql://u:canary@h/d                   #! store.dsn
  max_conns: many
redis:
  url: http://:canary@redis:6379/0            #! redis.url
  timeout: 1h                                 #! redis.timeout
lms:
  url: https://user:canary@lms.example.org    #! lms.url
  client_id: registrar
  client_secret: canary
  client_secret_file: /absent/canary-file     #! lms.client_secret_file
  completion: sometimes                       #! lms.completion
  retry_budget: 1.5                           #! lms.retry_budget
  page_size: 1.5                              #! lms.page_size
  breaker: {observe: perhaps}                 #! lms.breaker.observe
  budget:
    rate: -1                                  #! lms.budget.rate
    per: 0s                                   #! lms.budget.per
    reserve: 1                                #! lms.budget.reserve
discovery: https://discovery.example.org      #! discovery
cache:
  views:
    program: {fresh: 99999h}                  #! cache.views.program.fresh
    grade: {}                                 #! cache.views.grade
  fresh: 3s                                   #! cache.fresh
  lease: 5m                                   #! cache.lease
  max_entry: 1KiB                             #! cache.max_entry
limits:
  observe: 1                                  #! limits.observe
  when_redis_fails: close                     #! limits.when_redis_fails
  read: {burst: 0}                            #! limits.read.burst
  writes: {rate: 1}                           #! limits.writes
passthrough:
  rules:
    - name: Course Details                    #! passthrough.rules[0].name
      upstream: cms                           #! passthrough.rules[0].upstream
      methods: [GET, TRACE]                   #! passthrough.rules[0].methods[1]
      path: /api/{course_id}/                 #! passthrough.rules[0].path
      permission: read_everything             #! passthrough.rules[0].permission
    - name: open-to-all                       #! passthrough.rules[1]
      upstream: lms
      path: /api/mobile/v1/
      permission: read_metadata
    - name: accounts
      upstream: lms
      path: "/api/user/v1/accounts/{username}"
      query: {user: "{username"}              #! passthrough.rules[2].query.user
      allow_query: [a b]                      #! passthrough.rules[2].allow_query[0]
      filter: none
      superuser: true                         #! passthrough.rules[2].superuser
      max_body: 2GiB                          #! passthrough.rules[2].max_body
      timeout: 1ms                            #! passthrough.rules[2].timeout
cors:
  origins:
    - "*"                                     #! cors.origins[0]
    - https://console.example.org/            #! cors.origins[1]
  max_age: 48h                                #! cors.max_age
jobs:
  exports: 0                                  #! jobs.exports
  lease: 100ms                                #! jobs.lease
files:
  url: ftp://files.example.org                #! files.url
  link_key: canary                            #! files.link_key
  keep: forever                               #! files.keep
reports: {folder: ../..}                      #! reports.folder
flags:
  enable_course_role_management: {state: maybe} #! flags.enable_course_role_management.state
tracking: {write_key: canary}                 #! tracking.url
audit: {key: canary}                          #! audit.key
telemetry:
  metrics: "yes"                              #! telemetry.metrics
  traces_endpoint: collector:4318             #! telemetry.traces_endpoint
  trace_ratio: 2                              #! telemetry.trace_ratio
  service_name: ""                            #! telemetry.service_name
`

func TestEveryMistakeIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	path := file(t, planted)
	_, err := config.Load(path, []string{"REGISTRAR_STORE_MAX_CONNS=0", "REGISTRAR_LMS_CLIENT_SECERT=x"})

	var want []string
	for i, line := range strings.Split(planted, "\n") {
		if _, key, ok := strings.Cut(line, "#! "); ok {
			want = append(want, fmt.Sprintf("%s:%d %s", path, i+1, key))
		}
	}
	// The variable stands in for the file's own mistake.
	want = append(want, "REGISTRAR_LMS_CLIENT_SECERT ", "REGISTRAR_STORE_MAX_CONNS store.max_conns")
	var got []string
	for _, m := range mistakes(t, err) {
		place := m.Origin.Variable
		if place == "" {
			place = fmt.Sprintf("%s:%d", m.Origin.File, m.Origin.Line)
		}
		got = append(got, place+" "+m.Key)
	}
	if len(want) < 50 {
		t.Fatalf("planted mistakes = %d, want all of them", len(want))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mistakes (-want +got):\n%s\n%v", diff, err)
	}
	if strings.Contains(strings.ReplaceAll(err.Error(), "canary-file", ""), "canary") {
		t.Errorf("the mistakes show a secret: %v", err)
	}
}

func TestMistakesOfTheWholeFile(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, place, problem string }{
		"syntax":            {"log:\n  level: info\n format: text\n", ":3:2: ", "is not YAML"},
		"open quote":        {"log:\n  level: \"hunter2\n", ":2:10: ", "is not YAML"},
		"quoted by parser":  {"lms:\n  client_secret: |hunter2\n    x\n", ":2:18: ", "is not YAML"},
		"several documents": {"log: {}\n---\nlog: {}\n", ": ", "several YAML documents"},
		"a list":            {"- log\n", ": ", "is a list; want a section"},
		"one value":         {"hunter2\n", ": ", "is one value; want a section"},
		"too large":         {strings.Repeat("# comment\n", 1<<17), ": ", "larger than 1MiB"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := file(t, test.text)
			_, err := config.Load(path, nil)
			all := mistakes(t, err)
			if len(all) != 1 || all[0].Key != "" {
				t.Fatalf("mistakes = %v, want one of the whole file", err)
			}
			if text := all[0].String(); !strings.HasPrefix(text, path+test.place) || !strings.Contains(text, test.problem) {
				t.Errorf("mistake = %s, want %q at %q", text, test.problem, test.place)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the mistake repeats a line of the file: %v", err)
			}
		})
	}
}

func TestMistakesSayWhatIsWanted(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, key, want string }{
		"unknown section":        {"lmss: {}", "lmss", `did you mean "lms"?`},
		"unknown key":            {"lms: {client_idd: x}", "lms.client_idd", `did you mean "client_id"?`},
		"key of another section": {"lms: {fan_out: 3}", "lms.fan_out", `did you mean "cache.fan_out"?`},
		"key like nothing":       {"lms: {colour: red}", "lms.colour", "is not a key"},
		"number":                 {"lms: {retries: two}", "lms.retries", `is "two"; want a whole number`},
		"fraction":               {"lms: {retry_budget: .nan}", "lms.retry_budget", "want a number"},
		"duration":               {"server: {idle_timeout: 5}", "server.idle_timeout", "want a duration with a unit"},
		"size":                   {"server: {body_limit: 1MB}", "server.body_limit", "such as 32MiB"},
		"short duration":         {"server: {idle_timeout: 1ms}", "server.idle_timeout", `is "1ms"; want at least 1s`},
		"small size":             {"server: {body_limit: 1}", "server.body_limit", `is "1B"; want at least 1KiB`},
		"large number":           {"lms: {retries: 11}", "lms.retries", "want at most 10"},
		"choice":                 {"log: {format: jsn}", "log.format", `did you mean "json"?; want one of json, text`},
		"address":                {"lms: {url: lms.example.org}", "lms.url", "want http:// or https://"},
		"listen":                 {"server: {listen: 8080}", "server.listen", "want HOST:PORT"},
		"list as text":           {"server: {trusted_proxies: 10.0.0.1}", "server.trusted_proxies", "is one value; want a list"},
		"text as section":        {"lms: {client_id: {a: b}}", "lms.client_id", "is a section; want one value"},
		"section as text":        {"lms: here", "lms", "is one value; want a section"},
		"tag":                    {"lms: {client_id: !secret x}", "lms.client_id", "has a YAML tag; want the bare value"},
		"merge key":              {"lms: &a {}\ndiscovery:\n  <<: *a", "discovery.<<", "is a merge key"},
		"alias of nothing":       {"lms: *nothing", "lms", "alias without an anchor"},
		"slashes of sqlite":      {"store: {dsn: 'sqlite://registrar.db'}", "store.dsn", "want sqlite:PATH"},
		"empty secret":           {"lms: {client_secret: ''}", "lms.client_secret", "REGISTRAR_LMS_CLIENT_SECRET"},
		"empty JWK set":          {`auth: {issuers: [{issuer: a, jwk_set: '{"keys": []}'}]}`, "auth.issuers[0].jwk_set", "want a JWK set"},
		"JWK set without quotes": {`auth: {issuers: [{issuer: a, jwk_set: {"keys": [1]}}]}`, "auth.issuers[0].jwk_set", "is a section"},
		"no issuer":              {"", "auth.issuers", "is empty; want at least one issuer"},
		"issuer without a key":   {"auth: {issuers: [{issuer: a}]}", "auth.issuers[0]", "has no key"},
		"secret file of nothing": {"lms: {client_secret_file: /dev/null}", "lms.client_secret_file", "names an empty file"},
		"absent secret file":     {"lms: {client_secret_file: /absent/file}", "lms.client_secret_file", "/absent/file: no such file"},
		"secret and its file":    {"lms: {client_secret: a, client_secret_file: b}", "lms.client_secret_file", "is given beside lms.client_secret; want one of the two"},
		"short write timeout":    {"server: {write_timeout: 2s}", "server.write_timeout", "want at least 30s"},
		"short load timeout":     {"cache: {load_timeout: 5s}", "cache.load_timeout", "shorter than lms.timeout"},
		"id without secret":      {"discovery: {client_id: a}", "discovery.client_secret", "is missing beside discovery.client_id"},
		"half a cookie":          {"auth: {cookies: {signature: ''}}", "auth.cookies.header_payload", "both names, or neither"},
		"the other half":         {"auth: {cookies: {header_payload: ''}}", "auth.cookies.header_payload", "both names, or neither"},
		"one cookie for both":    {"auth: {cookies: {header_payload: a, signature: a}}", "auth.cookies.signature", "is the name of both halves"},
		"name of a cookie":       {"auth: {cookies: {signature: 'a;b'}}", "auth.cookies.signature", "want a cookie name"},
		"keys by http":           {"auth: {issuers: [{issuer: a, jwks_url: 'http://lms.example.org/jwks'}]}", "auth.issuers[0].jwks_url", "http:// on this machine"},
		"keys nowhere":           {"auth: {issuers: [{issuer: a, jwks_url: 'https:///jwks'}]}", "auth.issuers[0].jwks_url", "https:// with a host"},
		"password in keys":       {"auth: {issuers: [{issuer: a, jwks_url: 'https://u:p@lms.example.org/jwks'}]}", "auth.issuers[0].jwks_url", "without user"},
		"Redis by path":          {"redis: {url: 'redis://localhost/db'}", "redis.url", "want redis://HOST:PORT/DATABASE"},
		"boolean":                {"limits: {observe: 1}", "limits.observe", "want true or false"},
		"long lease":             {"cache: {load_timeout: 20s, lease: 30s}", "cache.load_timeout", "shorter than cache.lease"},
		"any origin":             {"cors: {origins: ['*']}", "cors.origins[0]", "an origin as browsers send it"},
		"capital origin":         {"cors: {origins: ['https://Console.example.org']}", "cors.origins[0]", "small letters"},
		"port of https":          {"cors: {origins: ['https://console.example.org:443']}", "cors.origins[0]", "no port 443"},
		"no origin":              {"cors: {origins: ['null']}", "cors.origins[0]", "an origin as browsers send it"},
		"secret without id":      {"discovery: {client_secret: a}", "discovery.client_id", "is missing beside discovery.client_secret"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load(file(t, test.text), nil)
			wantMistake(t, err, test.key, test.want)
		})
	}
}

func TestMistakesOfVariables(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ variable, key, want string }{
		"number":         {"REGISTRAR_LMS_RETRIES=two", "lms.retries", `REGISTRAR_LMS_RETRIES: lms.retries: is "two"; want a whole number`},
		"unknown":        {"REGISTRAR_LMS_RETRYS=2", "", `REGISTRAR_LMS_RETRYS: is not a variable; did you mean "REGISTRAR_LMS_RETRIES"?`},
		"list":           {"REGISTRAR_AUTH_ISSUERS=[{issuer: a}", "auth.issuers", "REGISTRAR_AUTH_ISSUERS: auth.issuers: is not YAML"},
		"not a list":     {"REGISTRAR_AUTH_ISSUERS=a", "auth.issuers", "is one value; want a list"},
		"key of an item": {"REGISTRAR_AUTH_ISSUERS=[{isuer: a, issuer: b, hs256_secret: c}]", "auth.issuers[0].isuer", `REGISTRAR_AUTH_ISSUERS: auth.issuers[0].isuer: is not a key; did you mean "issuer"?`},
		"item of texts":  {"REGISTRAR_SERVER_TRUSTED_PROXIES=10.0.0.1,all", "server.trusted_proxies[1]", `REGISTRAR_SERVER_TRUSTED_PROXIES: server.trusted_proxies[1]: is "all"`},
		"secret file":    {"REGISTRAR_LMS_CLIENT_SECRET_FILE=/absent", "lms.client_secret_file", "REGISTRAR_LMS_CLIENT_SECRET_FILE: lms.client_secret_file: cannot be read"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load(file(t, site), []string{test.variable})
			wantMistake(t, err, test.key, test.want)
			if n := len(mistakes(t, err)); n != 1 {
				t.Errorf("mistakes = %d, want that one alone: %v", n, err)
			}
		})
	}
}

// TestPassthroughRulesAreStrict spoils one good rule in every way that would
// open more than was meant, or nothing at all.
func TestPassthroughRulesAreStrict(t *testing.T) {
	t.Parallel()
	const good = `passthrough:
  rules:
    - name: first
      upstream: lms
      methods: [GET]
      path: "/api/a/{username}/b/{course_key}/"
      query: {fixed: "1"}
      allow_query: [page]
      permission: read_enrollments
    - {name: second, upstream: lms, path: "/api/a/{course_key}/", permission: read_metadata}
`
	const superuser = "    - {name: third, upstream: discovery, path: /api/v1/programs/, superuser: true, methods: [GET, POST]}\n"
	if _, err := config.Load(file(t, site+good+superuser), nil); err != nil {
		t.Fatalf("the good rules have mistakes: %v", err)
	}
	tests := map[string]struct{ old, spoiled, key, want string }{
		"relative path":       {"/api/a/{username}", "api/a/{username}", "path", "does not begin with a slash"},
		"two slashes":         {"/api/a/{username}", "/api//a/{username}", "path", "not all plain ones"},
		"climbing":            {"/api/a/{username}", "/api/../{username}", "path", "not all plain ones"},
		"encoded":             {"/api/a/{username}", "/api/%2e/{username}", "path", "not all plain ones"},
		"query in the path":   {"{course_key}/\"", "{course_key}/?a=b\"", "path", "not all plain ones"},
		"only a slash":        {`"/api/a/{username}/b/{course_key}/"`, "/", "path", "not all plain ones"},
		"unknown placeholder": {"/{username}/", "/{user_name}/", "path", `did you mean "{username}"?`},
		"part of a segment":   {"/{username}/", "/u-{username}/", "path", "is no placeholder"},
		"placeholder twice":   {"/{username}/", "/{course_key}/", "path", "has {course_key} twice"},
		"twice, with query":   {`fixed: "1"`, `fixed: "{username}"`, "path", "has {username} twice"},
		"broken query value":  {`fixed: "1"`, `fixed: "{uuid}"`, "query.fixed", `has "{uuid}"`},
		"query without quote": {`fixed: "1"`, `fixed: {program_uuid}`, "query.fixed", "is a section; want one value"},
		"query as a list":     {`{fixed: "1"}`, "[fixed]", "query", "is a list; want a section"},
		"query name":          {"fixed:", "'fix&ed':", "query.fix&ed", "is no query name"},
		"query name twice":    {`{fixed: "1"}`, `{fixed: "1", fixed: "2"}`, "query.fixed", "is given twice"},
		"fixed and free":      {"[page]", "[fixed]", "query.fixed", "is in allow_query too"},
		"free twice":          {"[page]", "[page, page]", "allow_query", "has page twice"},
		"free name":           {"[page]", "['']", "allow_query[0]", "want a query name"},
		"no method":           {"[GET]", "[]", "methods", "is empty"},
		"method twice":        {"[GET]", "[GET, GET]", "methods", "has GET twice"},
		"HEAD":                {"[GET]", "[HEAD]", "methods[0]", "want one of GET, POST"},
		"cached writes":       {"methods: [GET]", "methods: [GET, POST]\n      cache: 1m", "cache", "other methods than GET"},
		"filtered writes":     {"methods: [GET]", "methods: [PUT]\n      filter: course_id", "filter", "other methods than GET"},
		"no filter":           {"/b/{course_key}/", "/b/", "filter", "is missing"},
		"empty member":        {"methods: [GET]", "filter: a..b", "filter", "several with dots"},
		"no permission":       {"      permission: read_enrollments\n", "", "permission", "is missing"},
		"other permission":    {"permission: read_enrollments", "permission: job_global_read", "permission", "want one of read_metadata"},
		"superuser too":       {"permission: read_enrollments", "permission: read_enrollments\n      superuser: true", "superuser", "a permission instead"},
		"permission too":      {"/{username}/b/{course_key}/\"", "/\"\n      superuser: true", "permission", "beside superuser"},
		"superuser instead":   {"permission: read_enrollments", "superuser: true", "superuser", "a permission instead"},
		"no placeholder":      {"/{username}/b/{course_key}/", "/", "", "no permission can guard it"},
		"filter for nothing":  {"/{username}/b/{course_key}/\"\n      query: {fixed: \"1\"}\n      allow_query: [page]\n      permission: read_enrollments", "/\"\n      superuser: true\n      filter: course_id", "filter", "without a placeholder"},
		"no upstream":         {"      upstream: lms\n", "", "upstream", "is missing"},
		"no name":             {"name: first", "name: ''", "name", "is missing"},
		"long name":           {"name: first", "name: " + strings.Repeat("a", 41), "name", "at most 40"},
		"no path":             {`path: "/api/a/{username}/b/{course_key}/"`, "path: ''", "path", "is missing"},
		"unknown key":         {"allow_query:", "allow_querys:", "allow_querys", `did you mean "allow_query"?`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(good, test.old) {
				t.Fatalf("the good rule has no %q", test.old)
			}
			_, err := config.Load(file(t, site+strings.Replace(good, test.old, test.spoiled, 1)), nil)
			wantMistake(t, err, strings.TrimSuffix("passthrough.rules[0]."+test.key, "."), test.want)
			if n := len(mistakes(t, err)); n != 1 {
				t.Errorf("mistakes = %d, want that one alone: %v", n, err)
			}
		})
	}
}

// TestPassthroughRulesDoNotCollide holds that every request has one rule at most.
func TestPassthroughRulesDoNotCollide(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ second, key, want string }{
		"same name":         {`{name: first, upstream: discovery, path: "/a/{course_key}/", permission: read_metadata}`, "passthrough.rules[1].name", "as in passthrough.rules[0]"},
		"same path":         {`{name: b, upstream: lms, path: "/a/{course_key}/", permission: read_metadata}`, "passthrough.rules[1]", "a path and a method of passthrough.rules[0]"},
		"other placeholder": {`{name: b, upstream: lms, path: "/a/{program_uuid}", permission: read_metadata}`, "passthrough.rules[1]", "a path and a method of passthrough.rules[0]"},
		"another method":    {`{name: b, upstream: lms, path: "/a/{course_key}/", permission: read_metadata, methods: [POST]}`, "", ""},
		"another upstream":  {`{name: b, upstream: discovery, path: "/a/{course_key}/", permission: read_metadata}`, "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const first = `{name: first, upstream: lms, path: "/a/{course_key}/", permission: read_metadata}`
			_, err := config.Load(file(t, site+"passthrough:\n  rules:\n    - "+first+"\n    - "+test.second+"\n"), nil)
			if test.key == "" && err != nil {
				t.Errorf("two rules that do not meet have a mistake: %v", err)
			}
			if test.key != "" {
				wantMistake(t, err, test.key, test.want)
			}
		})
	}
}
