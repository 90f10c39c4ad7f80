package config_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"registrar/config"
)

func TestGeneratedFilesAreUpToDate(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]byte{
		"config.example.yaml":   config.Example(),
		"config.schema.json":    config.Schema(),
		"docs/configuration.md": config.Reference(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join("..", name)
			if flag.Lookup("update").Value.String() == "true" {
				if err := os.WriteFile(path, want, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("go test ./config -update rewrites %s (-want +got):\n%s", name, diff)
			}
		})
	}
}

func TestExampleIsTheDefault(t *testing.T) {
	t.Parallel()
	got, err := config.Parse("config.example.yaml", config.Example(), []string{
		"REGISTRAR_LMS_CLIENT_SECRET=lms-canary", "REGISTRAR_AUTH_ISSUERS_0_HS256_SECRET=issuer-canary",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := siteConfig()
	want.Auth.Issuers[0].Audience = "openedx"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

// TestExampleHasNoKnownSecret keeps a copied example from starting with secrets
// that everybody knows.
func TestExampleHasNoKnownSecret(t *testing.T) {
	t.Parallel()
	_, err := config.Parse("config.example.yaml", config.Example(), nil)
	wantMistake(t, err, "lms.client_secret", "is missing")
	wantMistake(t, err, "auth.issuers[0]", "has no key")
	if n := len(mistakes(t, err)); n != 2 {
		t.Errorf("mistakes = %d, want those two alone: %v", n, err)
	}
}

func TestEveryKeyIsExplained(t *testing.T) {
	t.Parallel()
	lines := strings.Split(string(config.Example()), "\n")
	views := false
	legend := map[string]bool{} // keys that this section explains once, as "# name: what it is"
	for i, line := range lines {
		key, _, ok := strings.Cut(strings.TrimLeft(line, " -"), ":")
		switch {
		case line == "":
			continue
		case strings.HasPrefix(line, "#"):
			clear(legend)
			continue
		case strings.HasPrefix(key, "# "):
			legend[strings.TrimPrefix(key, "# ")] = true
			continue
		case !ok || strings.HasPrefix(key, "#"):
			continue
		}
		views = views || key == "views"
		above := strings.TrimSpace(lines[i-1])
		explained := strings.HasPrefix(above, "# ") && strings.HasSuffix(above, ".")
		if !explained && !legend[key] {
			t.Errorf("line %d: %s has no comment above it", i+1, key)
		}
	}
	if !views {
		t.Error("the example has no cache.views: were any keys read?")
	}
	for path, property := range properties(t) {
		if text, _ := property["description"].(string); len(text) < 10 {
			t.Errorf("schema: %s has no description", path)
		}
	}
}

func TestReferenceHasEveryKey(t *testing.T) {
	t.Parallel()
	text := string(config.Reference())
	for path, property := range properties(t) {
		for _, list := range []string{"auth.issuers", "passthrough.rules"} {
			path = strings.Replace(path, list+".", list+"[].", 1)
		}
		row := "| `" + path + "` |"
		if strings.HasPrefix(path, "cache.views.") || strings.HasPrefix(path, "limits.") {
			// A key of sections that are alike is a column.
			if _, column, ok := strings.Cut(strings.TrimPrefix(path, "cache.views."), "."); ok && strings.Count(path, ".") > 1 {
				row = "`" + column[strings.LastIndex(column, ".")+1:] + "` |"
			}
		} else if property["type"] == "object" && property["properties"] != nil {
			row = "# " + path + "\n"
		} else if path == "auth.issuers" || path == "passthrough.rules" {
			row = "# " + path + "[]\n"
		}
		if !strings.Contains(text, row) {
			t.Errorf("%s is not in the reference as %q", path, row)
		}
	}
	for path, want := range map[string]string{"cors.origins": "live", "server.listen": "at a restart", "cache.views.grades": "live"} {
		_, row, _ := strings.Cut(text, "| `"+path+"` |")
		row, _, _ = strings.Cut(row, "\n")
		if !strings.Contains(row, "| "+want+" |") {
			t.Errorf("%s: the reference does not say that it changes %s: %s", path, want, row)
		}
	}
}

func TestExampleAndSchemaHaveTheSameKeys(t *testing.T) {
	t.Parallel()
	var example map[string]any
	if err := yaml.Unmarshal(config.Example(), &example); err != nil {
		t.Fatal(err)
	}
	want := keysOf("", example)
	var got []string
	for path := range properties(t) {
		got = append(got, path)
	}
	slices.Sort(want)
	want = slices.Compact(want) // the items of a list have the same keys
	slices.Sort(got)
	if len(want) < 100 {
		t.Fatalf("keys of the example = %d, want all of them", len(want))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys (-example +schema):\n%s", diff)
	}
}

func TestSchemaJudgesLikeLoad(t *testing.T) {
	t.Parallel()
	var schema openapi3.Schema
	// The library reads OpenAPI's dialect, which has all that ours uses but this key.
	text := bytes.Replace(config.Schema(), []byte(`"$schema": "https://json-schema.org/draft/2020-12/schema",`), nil, 1)
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		text string
		fits bool
	}{
		"example":          {string(config.Example()), true},
		"bytes as number":  {"server: {body_limit: 2048}", true},
		"unknown key":      {"lms: {client_idd: x}", false},
		"unknown section":  {"lmss: {}", false},
		"bare duration":    {"server: {idle_timeout: 5}", false},
		"worded duration":  {"server: {idle_timeout: 5 minutes}", false},
		"decimal size":     {"server: {body_limit: 32MB}", false},
		"choice":           {"log: {level: loud}", false},
		"number too large": {"lms: {retries: 11}", false},
		"key of an issuer": {"auth: {issuers: [{isuer: x}]}", false},
		"boolean as text":  {"telemetry: {metrics: sometimes}", false},
		"key of a rule":    {"passthrough: {rules: [{metods: [GET]}]}", false},
		"method of a rule": {"passthrough: {rules: [{methods: [TRACE]}]}", false},
		"query of a rule":  {"passthrough: {rules: [{query: [a]}]}", false},
		"no rules":         {"passthrough: {rules: []}", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var value any
			if err := yaml.Unmarshal([]byte(test.text), &value); err != nil {
				t.Fatal(err)
			}
			// Through JSON, so that numbers have the types that the library expects.
			data, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(data, &value); err != nil {
				t.Fatal(err)
			}
			if err := schema.VisitJSON(value); (err == nil) != test.fits {
				t.Errorf("fits = %v, want %v: %v", err == nil, test.fits, err)
			}
			_, err = config.Parse("test.yaml", []byte(test.text), nil)
			about := slices.ContainsFunc(mistakes(t, err), func(m config.Mistake) bool {
				return !strings.HasPrefix(m.Problem, "is missing") && !strings.HasPrefix(m.Problem, "is empty") && m.Problem != "has no key"
			})
			if about == test.fits {
				t.Errorf("Load finds a mistake = %v, want %v: %v", about, !test.fits, err)
			}
		})
	}
}

// properties returns the schema of every key and section, by path; the keys of a
// list's items stand under the list's own path.
func properties(t *testing.T) map[string]map[string]any {
	t.Helper()
	var schema map[string]any
	if err := json.Unmarshal(config.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]any{}
	var walk func(prefix string, schema map[string]any)
	walk = func(prefix string, schema map[string]any) {
		if items, ok := schema["items"].(map[string]any); ok {
			schema = items
		}
		members, _ := schema["properties"].(map[string]any)
		for name, property := range members {
			object, ok := property.(map[string]any)
			if !ok {
				t.Fatalf("schema: %s%s is no object", prefix, name)
			}
			all[prefix+name] = object
			walk(prefix+name+".", object)
		}
	}
	walk("", schema)
	return all
}

func keysOf(prefix string, value any) []string {
	var all []string
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			if prefix == "passthrough.rules.query." {
				continue // its names are the upstream's
			}
			all = append(all, prefix+name)
			all = append(all, keysOf(prefix+name+".", member)...)
		}
	case []any:
		for _, item := range v {
			all = append(all, keysOf(prefix, item)...)
		}
	}
	return all
}
