package telemetry_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"registrar/internal/telemetry"
)

// asked is one expression of deploy/ and the texts that go with it.
type asked struct {
	where string
	expr  string
	texts string // legends and annotations, with placeholders for labels
}

// panel is the part of a Grafana panel that asks for figures.
type panel struct {
	ID      int    `json:"id"`
	Type    string `json:"type"`
	Title   string `json:"title"`
	GridPos struct {
		X, Y, W, H int
	} `json:"gridPos"`
	Targets []struct {
		Expr         string `json:"expr"`
		LegendFormat string `json:"legendFormat"`
	} `json:"targets"`
}

func readPanels(t *testing.T) []panel {
	t.Helper()
	var dashboard struct {
		Panels []panel `json:"panels"`
	}
	if err := json.Unmarshal(read(t, "grafana/registrar.json"), &dashboard); err != nil {
		t.Fatal(err)
	}
	return dashboard.Panels
}

// rule is one alert.
type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func readRules(t *testing.T) []rule {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.UnmarshalWithOptions(read(t, "prometheus/alerts.yaml"), &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	var rules []rule
	for _, group := range file.Groups {
		rules = append(rules, group.Rules...)
	}
	return rules
}

// everyQuery lists what the dashboard and the alerts ask.
func everyQuery(t *testing.T) []asked {
	t.Helper()
	var all []asked
	for _, p := range readPanels(t) {
		for _, target := range p.Targets {
			all = append(all, asked{"panel " + p.Title, grafana().Replace(target.Expr), target.LegendFormat})
		}
	}
	panels := len(all)
	for _, r := range readRules(t) {
		all = append(all, asked{"alert " + r.Alert, r.Expr, r.Annotations["summary"]})
	}
	if panels < 30 || len(all)-panels < 10 {
		t.Fatalf("%d queries of panels and %d of alerts: not all were read", panels, len(all)-panels)
	}
	return all
}

// grafana puts values in the place of the dashboard's variables.
func grafana() *strings.Replacer {
	return strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*")
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "deploy", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// known is a page as queries may ask of it.
type known struct {
	kinds  map[string]string                     // counter, gauge or histogram, by metric
	values map[string]map[string]map[string]bool // by series' name and label
}

func knownOf(t *testing.T, m *telemetry.Metrics) known {
	t.Helper()
	p := scrape(t, m)
	k := known{kinds: map[string]string{"up": "gauge"}, values: map[string]map[string]map[string]bool{"up": {}}}
	for _, match := range regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`).FindAllStringSubmatch(p.text, -1) {
		k.kinds[match[1]] = match[2]
	}
	for _, s := range p.series {
		if k.values[s.name] == nil {
			k.values[s.name] = map[string]map[string]bool{}
		}
		for label, value := range s.labels {
			if k.values[s.name][label] == nil {
				k.values[s.name][label] = map[string]bool{}
			}
			k.values[s.name][label][value] = true
		}
	}
	return k
}

// kind returns what a series' metric is.
func (k known) kind(name string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(name, suffix); ok && k.kinds[base] == "histogram" {
			return "histogram"
		}
	}
	return k.kinds[name]
}

// ofTarget are the labels that Prometheus itself adds.
func ofTarget(label string) bool { return label == "instance" || label == "job" }

// dashboards asks for what one exercised page does not have by chance.
func dashboards(t *testing.T) known {
	t.Helper()
	m := exercised()
	for _, verdict := range []string{"limited", "observed", "unchecked"} {
		m.RequestDone(telemetry.Request{Route: "/api/v3/programs", Method: "GET", Status: 429, Kind: "internal", Code: "internal", Class: "read", Limit: verdict})
	}
	m.RequestDone(telemetry.Request{Route: "/api/v3/programs", Method: "GET", Status: 200, Cache: "stale"})
	m.UpstreamCall(telemetry.Call{Upstream: "lms", Class: "grades", Kind: "not_found", Status: 404})
	m.TokenChecked("remembered")
	return knownOf(t, m)
}

func TestEveryQueryAsksForWhatIsThere(t *testing.T) {
	t.Parallel()
	k := dashboards(t)
	for _, a := range everyQuery(t) {
		q, err := parse(a.expr)
		if err != nil {
			t.Errorf("%s: %v", a.where, err)
			continue
		}
		if len(q.selectors) == 0 {
			t.Errorf("%s: %q asks for nothing", a.where, a.expr)
		}
		labels := map[string]bool{}
		for _, s := range q.selectors {
			checkSelector(t, a, k, s)
			for label := range k.values[s.name] {
				labels[label] = true
			}
		}
		for _, label := range slices.Concat(q.labels, placeholders(a.texts)) {
			if !labels[label] && !ofTarget(label) {
				t.Errorf("%s: no metric of %q has the label %q", a.where, a.expr, label)
			}
		}
	}
}

func checkSelector(t *testing.T, a asked, k known, s selector) {
	t.Helper()
	of, ok := k.values[s.name]
	if !ok {
		t.Errorf("%s: there is no metric %s", a.where, s.name)
		return
	}
	for _, m := range s.matchers {
		values, has := of[m.label]
		switch {
		case ofTarget(m.label):
		case !has:
			t.Errorf("%s: %s has no label %q", a.where, s.name, m.label)
		case !matchesSome(values, m):
			t.Errorf("%s: %s never has %s%s%q", a.where, s.name, m.label, m.op, m.value)
		}
	}
	counts := k.kind(s.name) != "gauge"
	if counts != s.ranged || counts && s.within != "rate" && s.within != "increase" {
		t.Errorf("%s: %s is a %s and is read within %q, ranged %t", a.where, s.name, k.kind(s.name), s.within, s.ranged)
	}
}

// matchesSome reports whether the matcher's words are ones that the label takes:
// every alternative of them, since one that never comes is a misspelled one.
func matchesSome(values map[string]bool, m matcher) bool {
	for word := range strings.SplitSeq(m.value, "|") {
		pattern := regexp.MustCompile("^(?:" + word + ")$")
		found := false
		for value := range values {
			found = found || (m.op == "=" || m.op == "!=") && value == word || strings.HasSuffix(m.op, "~") && pattern.MatchString(value)
		}
		if !found {
			return false
		}
	}
	return true
}

// placeholders lists the labels that a legend or an annotation shows.
func placeholders(text string) []string {
	var labels []string
	for _, match := range regexp.MustCompile(`\{\{\s*(?:\$labels\.)?([a-z_]+)\s*\}\}`).FindAllStringSubmatch(text, -1) {
		labels = append(labels, match[1])
	}
	return labels
}

func TestEveryFigureIsLookedAt(t *testing.T) {
	t.Parallel()
	looked := map[string]bool{}
	for _, a := range everyQuery(t) {
		q, err := parse(a.expr)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range q.selectors {
			looked[regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(s.name, "")] = true
		}
	}
	for name := range dashboards(t).kinds {
		if strings.HasPrefix(name, "registrar_") && !looked[name] {
			t.Errorf("%s is in no panel and no alert", name)
		}
	}
}

func TestTheParserRefusesMistakes(t *testing.T) {
	t.Parallel()
	for _, expr := range []string{
		"sum(rate(x[5m])", "sum(x))", `x{a=b}`, `x{a}`, "x[5]", "rate x", "sum by x (y)", "x ~ 3", "@", `x{a="b"`,
	} {
		if q, err := parse(expr); err == nil {
			t.Errorf("%q was read as %v", expr, q)
		}
	}
}

func TestPanelsDoNotOverlap(t *testing.T) {
	t.Parallel()
	panels := readPanels(t)
	for i, p := range panels {
		if p.Type != "row" && len(p.Targets) == 0 || p.Title == "" || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d %q: no query, no title, or too far right", p.ID, p.Title)
		}
		for _, q := range panels[:i] {
			a, b := p.GridPos, q.GridPos
			if p.ID == q.ID || a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("panels %q and %q: one id or one place for both", q.Title, p.Title)
			}
		}
	}
}

// TestAlertsHaveARunbook follows each alert's link to a heading of the manual.
func TestAlertsHaveARunbook(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	anchors := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(manual), -1) {
		slug := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(match[1]), "")
		anchors["docs/operations.md#"+strings.ReplaceAll(slug, " ", "-")] = true
	}
	seen := map[string]bool{}
	for _, r := range readRules(t) {
		if severity := r.Labels["severity"]; severity != "page" && severity != "ticket" {
			t.Errorf("%s: severity %q", r.Alert, severity)
		}
		if !anchors[r.Annotations["runbook"]] {
			t.Errorf("%s: the runbook %q is no heading of the manual", r.Alert, r.Annotations["runbook"])
		}
		if r.Annotations["summary"] == "" || seen[r.Alert] {
			t.Errorf("%s: no summary, or there twice", r.Alert)
		}
		seen[r.Alert] = true
	}
}
