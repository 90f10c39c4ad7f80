package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Mistake is one thing that is wrong with a configuration. Its texts are safe to
// print: the value of a secret is never part of them.
type Mistake struct {
	// Key is the path of the key, such as "lms.client_id" or
	// "auth.issuers[0].issuer"; empty when the whole file is meant.
	Key string
	// Origin is where the value came from, or where a missing one belongs.
	Origin Origin
	// Problem says what is wrong: "is missing".
	Problem string
	// Want says what would be right; empty when the problem says it.
	Want string
}

// Origin is the place of a value. The zero value means that it is a default.
type Origin struct {
	Variable     string // environment variable; empty when the value is from the file
	File         string
	Line, Column int // from 1; 0 when only the file is known
}

// String returns "FILE:LINE:COLUMN", the variable's name, or nothing.
func (o Origin) String() string {
	switch {
	case o.Variable != "":
		return o.Variable
	case o.File != "" && o.Line > 0:
		return fmt.Sprintf("%s:%d:%d", o.File, o.Line, o.Column)
	}
	return o.File
}

// String returns the mistake on one line: place, key, problem, and what is wanted.
func (m Mistake) String() string {
	parts := make([]string, 0, 3)
	for _, part := range []string{m.Origin.String(), m.Key} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	problem := m.Problem
	if m.Want != "" {
		problem += "; want " + m.Want
	}
	return strings.Join(append(parts, problem), ": ")
}

// Mistakes is the error of [Load] and [Config.Validate]: everything that is
// wrong, those of the file first and by line.
type Mistakes struct { //nolint:errname // it is a list that is shown to people; "MistakesError" says it no better.
	List []Mistake
}

// Error returns a headline and one line for each mistake.
func (m *Mistakes) Error() string {
	var b strings.Builder
	noun := "mistakes"
	if len(m.List) == 1 {
		noun = "mistake"
	}
	fmt.Fprintf(&b, "config: %d %s", len(m.List), noun)
	for _, mistake := range m.List {
		b.WriteString("\n  " + mistake.String())
	}
	return b.String()
}

// err returns m as an error, or nil when nothing is wrong.
func (m *Mistakes) err() error {
	if len(m.List) == 0 {
		return nil
	}
	slices.SortStableFunc(m.List, func(a, b Mistake) int {
		return cmp.Or(
			cmp.Compare(rank(a.Origin), rank(b.Origin)),
			cmp.Compare(a.Origin.Line, b.Origin.Line),
			cmp.Compare(a.Origin.Column, b.Origin.Column),
		)
	})
	return m
}

// rank puts the file's mistakes before the environment's, and defaults last.
func rank(o Origin) int {
	switch {
	case o.Variable != "":
		return 1
	case o.File != "":
		return 0
	}
	return 2
}
