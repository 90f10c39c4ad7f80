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
  issuers:
    - issuer: https://lms.example.org/oauth2  #! auth.issuers[0]
    - issuer: second
      jwk_set: '{"keys": canary}'             #! auth.issuers[1].jwk_set
    - hs256_secret: canary                    #! auth.issuers[2].issuer
store:
  dsn: mysql://u:canary@h/d                   #! store.dsn
  max_conns: many
lms:
  url: https://user:canary@lms.example.org    #! lms.url
  client_id: registrar
  client_secret: canary
  client_secret_file: /absent/canary-file     #! lms.client_secret_file
  completion: sometimes                       #! lms.completion
  retry_budget: 1.5                           #! lms.retry_budget
  page_size: 1.5                              #! lms.page_size
discovery: https://discovery.example.org      #! discovery
cache:
  views:
    program: {fresh: 99999h}                  #! cache.views.program.fresh
    grade: {}                                 #! cache.views.grade
  fresh: 3s                                   #! cache.fresh
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
	if len(want) < 20 {
		t.Fatalf("planted mistakes = %d, want at least 20", len(want))
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
