package routes_test

import (
	"bufio"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rule separates a request from its answer in a golden exchange.
const rule = "----------\n"

// Each file of testdata is a request and, below the rule, what it is answered.
// "go test -update" rewrites the answers.
func TestGoldenExchanges(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.http")
	if err != nil || len(files) == 0 {
		t.Fatalf("no exchanges: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			request, want, _ := strings.Cut(string(content), rule)
			got := transcript(newClient(t, newWorld(t)).send(t, parseRequest(t, request)))
			if updating() {
				if err := os.WriteFile(file, []byte(request+rule+got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

func parseRequest(t *testing.T, text string) *http.Request {
	t.Helper()
	wire := strings.ReplaceAll(strings.TrimSpace(text), "\n", "\r\n") + "\r\n\r\n"
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
	if err != nil {
		t.Fatalf("request: %v", err)
	}
	return request
}

// transcript writes an answer with its headers sorted and its line ends plain;
// those of a CSV file are shown as ␍.
func transcript(r response) string {
	var out strings.Builder
	fmt.Fprintf(&out, "HTTP/1.1 %d %s\n", r.status, http.StatusText(r.status))
	for _, name := range slices.Sorted(maps.Keys(r.header)) {
		if name == "Date" || name == "Content-Length" {
			continue
		}
		fmt.Fprintf(&out, "%s: %s\n", name, strings.Join(r.header[name], ", "))
	}
	body := strings.ReplaceAll(r.body, "\r\n", "␍\n")
	if strings.HasPrefix(body, "{") && strings.HasSuffix(body, "}") {
		body += "\n"
	}
	out.WriteString("\n" + body)
	return out.String()
}
