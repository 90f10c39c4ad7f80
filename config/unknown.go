package config

import (
	"fmt"
	"strings"
)

func named(known []key, name string) (key, bool) {
	for _, k := range known {
		if k.name() == name {
			return k, true
		}
	}
	return key{}, false
}

// unknownKey reports a key that does not exist and guesses which one was meant.
func (l *loader) unknownKey(section, name string, at Origin, known []key) {
	const most = 60
	if len(name) > most {
		name = name[:most] + "…"
	}
	path := strings.TrimPrefix(section+"."+name, ".")
	if name == "<<" {
		l.mistakeAt(path, at, "is a merge key, which is not supported", "the keys themselves")
		return
	}
	names := make([]string, 0, len(known))
	for _, k := range known {
		names = append(names, k.name())
	}
	guess := nearest(name, names)
	if guess == "" {
		guess = l.elsewhere(name)
	}
	l.mistakeAt(path, at, "is not a key"+didYouMean(guess), "")
}

// elsewhere finds the first key of this name in another section: a slip of
// indentation puts a right key into the wrong place.
func (l *loader) elsewhere(name string) string {
	for _, k := range keys(&l.config) {
		if k.name() == name {
			return k.path
		}
	}
	return ""
}

func didYouMean(guess string) string {
	if guess == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", guess)
}

// nearest returns the candidate that fewest edits turn word into; "" when all
// are too far off to be what was meant.
func nearest(word string, candidates []string) string {
	best, fewest := "", max(len(word)/3, 1)+1
	for _, c := range candidates {
		if n := edits(word, c); n < fewest {
			best, fewest = c, n
		}
	}
	return best
}

// edits is the Levenshtein distance in bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
