package layout_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "registrar/"

// mayImport says, for each package of the module, which others it may import.
// internal/registrar goes without saying, except for those that must not.
func mayImport() map[string][]string {
	return map[string][]string{
		"cmd/registrar":                    {"config", "gateway", "routes", "aggregate", "aggregate/rediscache", "linkstore", "internal/audit", "internal/enroll", "internal/files", "internal/jobs", "internal/resting", "internal/simulator", "internal/telemetry", "internal/tracking", "internal/upstream", "internal/upstream/lms", "internal/upstream/discovery", "internal/upstream/redisbudget"},
		"config":                           {},
		"gateway":                          {"internal/resting"},
		"routes":                           {},
		"aggregate":                        {},
		"aggregate/rediscache":             {"aggregate", "internal/resting"},
		"linkstore":                        {},
		"internal/registrar":               {},
		"internal/enroll":                  {},
		"internal/jobs":                    {},
		"internal/audit":                   {},
		"internal/files":                   {},
		"internal/tracking":                {},
		"internal/resting":                 {},
		"internal/upstream":                {"internal/resting"},
		"internal/upstream/lms":            {"internal/upstream"},
		"internal/upstream/discovery":      {"internal/upstream"},
		"internal/upstream/redisbudget":    {"internal/upstream"},
		"internal/simulator":               {},
		"internal/provision":               {},
		"internal/provision/provisiontest": {"internal/provision"},
		"internal/provision/withservers":   {"internal/provision"},
		"internal/telemetry":               {},
		"internal/deploycheck":             {},
		"internal/layout":                  {},
	}
}

// ownVocabulary are the packages that must not know the vocabulary either: the
// simulator, so that it cannot hide a mistake that the clients share with it,
// and what has no business with it.
func ownVocabulary() []string {
	return []string{"internal/simulator", "internal/provision", "internal/provision/provisiontest", "internal/provision/withservers", "config", "internal/registrar", "internal/resting", "internal/telemetry", "internal/deploycheck"}
}

// belongs says which third-party packages are the business of which rooms alone.
// A name ending in "/" stands for everything below it.
func belongs() map[string][]string {
	return map[string][]string{
		"github.com/gofiber/":           {"gateway", "routes"},
		"github.com/valyala/fasthttp":   {"gateway", "routes"},
		"database/sql":                  {"linkstore", "internal/jobs"}, // jobs: for River, in the store's transactions
		"github.com/jackc/pgx/":         {"linkstore", "internal/jobs", "internal/provision", "internal/provision/provisiontest"},
		"modernc.org/sqlite":            {"linkstore"},
		"github.com/pressly/goose/":     {"linkstore"},
		"gocloud.dev/":                  {"internal/files"},
		"github.com/riverqueue/":        {"internal/jobs"},
		"riverqueue.com/":               {"internal/jobs"},
		"github.com/redis/":             {"internal/provision", "internal/provision/provisiontest", "aggregate/rediscache", "gateway", "internal/upstream/redisbudget", "internal/telemetry", "cmd/registrar"},
		"github.com/klauspost/":         {"aggregate/rediscache"},
		"github.com/go-redis/":          {"gateway"},
		"github.com/fsnotify/":          {"config"},
		"github.com/failsafe-go/":       {"internal/upstream"},
		"golang.org/x/oauth2":           {"internal/upstream"},
		"golang.org/x/oauth2/":          {"internal/upstream"},
		"github.com/maypok86/otter/":    {"aggregate", "gateway"},
		"github.com/golang-jwt/":        {"gateway", "internal/simulator"},
		"github.com/MicahParks/":        {"gateway"},
		"github.com/spf13/cobra":        {"cmd/registrar"},
		"github.com/goccy/go-yaml":      {"config"},
		"github.com/goccy/go-yaml/":     {"config"},
		"github.com/getkin/kin-openapi": {}, // tests only

		// The rooms offer figures and take a tracer; what becomes of those they do not know.
		"github.com/prometheus/":              {"internal/telemetry"},
		"go.opentelemetry.io/otel/sdk/":       {"internal/telemetry"},
		"go.opentelemetry.io/otel/exporters/": {"internal/telemetry"},
		"go.opentelemetry.io/contrib/":        {},
		"github.com/exaring/otelpgx":          {"internal/telemetry"},
	}
}

// calls says which selectors belong to which folders. "cmd/" stands for every
// command.
func calls() map[string][]string {
	commands := []string{"cmd/registrar", "internal/provision/withservers"}
	outbound := []string{"internal/upstream", "internal/upstream/lms", "internal/upstream/discovery", "internal/tracking", "gateway", "cmd/registrar"}
	return map[string][]string{
		"os.Getenv":  append(commands, "internal/provision/provisiontest"),
		"os.Environ": append(commands, "internal/provision/provisiontest", "internal/provision"),
		"os.Exit":    append(commands, "internal/provision/provisiontest"),
		"log.Fatal":  {}, "log.Fatalf": {}, "fmt.Print": {}, "fmt.Println": {}, "fmt.Printf": {},
		"http.Get": {}, "http.Post": {}, "http.PostForm": {}, "http.DefaultClient": {}, "http.DefaultTransport": {},
		"http.NewRequest": {}, "http.NewRequestWithContext": outbound, "http.Client": outbound, "http.Transport": outbound,
		"slog.Default": {}, "slog.SetDefault": {},
	}
}

type source struct {
	pkg  string
	path string
	file *ast.File
}

func TestRooms(t *testing.T) {
	t.Parallel()

	sources := parse(t)
	if len(sources) < 20 {
		t.Fatalf("read %d source files: the walk does not see the module", len(sources))
	}
	for _, s := range sources {
		for _, spec := range s.file.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			checkOurs(t, s, path)
			checkTheirs(t, s, path)
		}
		checkCalls(t, s)
	}
}

func TestPackagesAreDocumented(t *testing.T) {
	t.Parallel()

	documented := map[string]bool{}
	for _, s := range parse(t) {
		documented[s.pkg] = documented[s.pkg] || s.file.Doc != nil
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("%s has no package comment", pkg)
		}
	}
}

func TestFolderNames(t *testing.T) {
	t.Parallel()

	for _, s := range parse(t) {
		for _, name := range []string{"util", "utils", "common", "helpers", "models", "mocks"} {
			if slices.Contains(strings.Split(s.pkg, "/"), name) {
				t.Errorf("%s: a folder called %q says nothing", s.path, name)
			}
		}
	}
}

func checkOurs(t *testing.T, s source, path string) {
	t.Helper()
	dep, ours := strings.CutPrefix(path, module)
	if !ours {
		return
	}
	allowed, known := mayImport()[s.pkg]
	if !known {
		t.Errorf("%s: a new package; say in mayImport what it may import", s.pkg)
	}
	if dep == "internal/registrar" && !slices.Contains(ownVocabulary(), s.pkg) {
		return
	}
	if !slices.Contains(allowed, dep) {
		t.Errorf("%s: %s must not import %s", s.path, s.pkg, dep)
	}
}

func checkTheirs(t *testing.T, s source, path string) {
	t.Helper()
	if (s.pkg == "internal/registrar" || s.pkg == "internal/resting") && strings.Contains(path, ".") {
		t.Errorf("%s: %s imports only the standard library, not %s", s.path, s.pkg, path)
	}
	for prefix, rooms := range belongs() {
		match := path == prefix || strings.HasSuffix(prefix, "/") && strings.HasPrefix(path, prefix)
		if match && !slices.Contains(rooms, s.pkg) {
			t.Errorf("%s: %s is the business of %v", s.path, path, rooms)
		}
	}
}

func checkCalls(t *testing.T, s source) {
	t.Helper()
	owned := calls()
	ast.Inspect(s.file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := sel.X.(*ast.Ident)
		if !ok {
			return true
		}
		name := x.Name + "." + sel.Sel.Name
		if rooms, ok := owned[name]; ok && !slices.Contains(rooms, s.pkg) {
			t.Errorf("%s: %s is the business of %v", s.path, name, rooms)
		}
		return true
	})
}

// parse reads every file of the module that ends up in a binary.
func parse(t *testing.T) []source {
	t.Helper()
	root := filepath.Join("..", "..")
	var sources []source
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "tools" || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		sources = append(sources, source{pkg: filepath.ToSlash(rel), path: path, file: file})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sources
}
