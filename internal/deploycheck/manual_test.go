package deploycheck_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// headings are the anchors of a page of the manual.
func headings(t *testing.T, page string) map[string]bool {
	t.Helper()
	anchors := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(read(t, filepath.Join("..", "..", "docs", page))), -1) {
		slug := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		anchors[strings.ReplaceAll(slug, " ", "-")] = true
	}
	return anchors
}

// TestManualLinks follows the links within the manual, which is read in a hurry.
func TestManualLinks(t *testing.T) {
	t.Parallel()
	for page, atLeast := range map[string]int{"operations.md": 10, "migration.md": 1} {
		text := string(read(t, filepath.Join("..", "..", "docs", page)))
		links := regexp.MustCompile(`\]\(([a-z]+\.md)?(?:#([^)]+))?\)`).FindAllStringSubmatch(text, -1)
		if len(links) < atLeast {
			t.Fatalf("%s: %d links: it was not read", page, len(links))
		}
		for _, link := range links {
			to := link[1]
			if to == "" {
				to = page
			}
			if anchors := headings(t, to); len(anchors) == 0 || link[2] != "" && !anchors[link[2]] {
				t.Errorf("%s: %s has no heading for the link #%s", page, to, link[2])
			}
		}
	}
}
