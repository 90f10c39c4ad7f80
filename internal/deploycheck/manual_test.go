package deploycheck_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestManualLinks follows the links within the manual, which is read in a hurry.
func TestManualLinks(t *testing.T) {
	t.Parallel()
	manual := string(read(t, filepath.Join("..", "..", "docs", "operations.md")))
	anchors := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(manual, -1) {
		slug := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		anchors[strings.ReplaceAll(slug, " ", "-")] = true
	}
	links := regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(manual, -1)
	if len(links) < 10 || len(anchors) < 20 {
		t.Fatalf("%d links and %d headings: the manual was not read", len(links), len(anchors))
	}
	for _, link := range links {
		if !anchors[link[1]] {
			t.Errorf("the manual has no heading for its link #%s", link[1])
		}
	}
}
