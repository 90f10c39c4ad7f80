package telemetry_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// query is what an expression of PromQL asks for.
type query struct {
	selectors []selector
	labels    []string // of by, without, on, ignoring and group_…
	functions []string
}

// selector is one metric of a query.
type selector struct {
	name     string
	matchers []matcher
	ranged   bool   // with [5m]
	within   string // the function around it
}

type matcher struct{ label, op, value string }

// tokens takes an expression apart; what is no token is an error.
func tokens(expr string) ([]string, error) {
	token := regexp.MustCompile(`^(?:"(?:[^"\\]|\\.)*"|[a-zA-Z_:][a-zA-Z0-9_:]*|\d+(?:\.\d+)?(?:ms|[smhdwy])?|=~|!~|!=|==|>=|<=|[-+*/%^<>=(){}\[\],])`)
	var list []string
	for rest := strings.TrimSpace(expr); rest != ""; rest = strings.TrimSpace(rest) {
		t := token.FindString(rest)
		if t == "" {
			return nil, fmt.Errorf("%q is no PromQL", rest)
		}
		list = append(list, t)
		rest = rest[len(t):]
	}
	return list, nil
}

// reader reads the tokens of one query.
type reader struct {
	left  []string
	found query
	open  []string // the functions and brackets around the present place
}

// parse reads as much of PromQL as our expressions use, and refuses the rest.
func parse(expr string) (query, error) {
	list, err := tokens(expr)
	if err != nil {
		return query{}, err
	}
	r := &reader{left: list}
	for len(r.left) > 0 {
		if err := r.step(); err != nil {
			return query{}, fmt.Errorf("%q: %w", expr, err)
		}
	}
	if len(r.open) > 0 {
		return query{}, fmt.Errorf("%q: %d brackets are not closed", expr, len(r.open))
	}
	return r.found, nil
}

func (r *reader) next() string {
	if len(r.left) == 0 {
		return ""
	}
	t := r.left[0]
	r.left = r.left[1:]
	return t
}

func (r *reader) peek() string {
	if len(r.left) == 0 {
		return ""
	}
	return r.left[0]
}

func (r *reader) step() error {
	switch t := r.next(); {
	case t == "(":
		r.open = append(r.open, "")
	case t == ")":
		if len(r.open) == 0 {
			return errors.New("a bracket too many")
		}
		r.open = r.open[:len(r.open)-1]
	case slices.Contains([]string{"by", "without", "on", "ignoring", "group_left", "group_right"}, t):
		return r.grouping()
	case slices.Contains([]string{"and", "or", "unless", "bool"}, t):
	case isName(t) && isFunction(t):
		return r.function(t)
	case isName(t):
		return r.selector(t)
	case strings.ContainsAny(t, "{}[]\"~") || t == "=":
		return fmt.Errorf("%q stands where it cannot", t)
	}
	return nil
}

// function remembers which one is open; its grouping may come before its bracket.
func (r *reader) function(name string) error {
	r.found.functions = append(r.found.functions, name)
	if t := r.peek(); t == "by" || t == "without" {
		r.next()
		if err := r.grouping(); err != nil {
			return err
		}
	}
	if r.next() != "(" {
		return fmt.Errorf("%s wants a bracket", name)
	}
	r.open = append(r.open, name)
	return nil
}

func (r *reader) grouping() error {
	if r.next() != "(" {
		return errors.New("a list of labels wants a bracket")
	}
	for {
		switch t := r.next(); {
		case t == ")":
			return nil
		case isName(t):
			r.found.labels = append(r.found.labels, t)
		case t != ",":
			return fmt.Errorf("%q is no label", t)
		}
	}
}

func (r *reader) selector(name string) error {
	s := selector{name: name}
	if len(r.open) > 0 {
		s.within = r.open[len(r.open)-1]
	}
	if r.peek() == "{" {
		r.next()
		for r.peek() != "}" {
			m := matcher{label: r.next(), op: r.next(), value: r.next()}
			if !isName(m.label) || !slices.Contains([]string{"=", "!=", "=~", "!~"}, m.op) || !strings.HasPrefix(m.value, `"`) {
				return fmt.Errorf("%s: %v is no matcher", name, m)
			}
			m.value = strings.Trim(m.value, `"`)
			s.matchers = append(s.matchers, m)
			if r.peek() == "," {
				r.next()
			}
		}
		r.next()
	}
	if r.peek() == "[" {
		r.next()
		if s.ranged = regexp.MustCompile(`^\d+[smhd]$`).MatchString(r.next()); !s.ranged || r.next() != "]" {
			return fmt.Errorf("%s: bad range", name)
		}
	}
	r.found.selectors = append(r.found.selectors, s)
	return nil
}

func isName(t string) bool { return regexp.MustCompile(`^[a-zA-Z_:]`).MatchString(t) }

func isFunction(t string) bool {
	return slices.Contains([]string{
		"sum", "max", "min", "count", "avg", "rate", "increase", "histogram_quantile", "time", "topk",
	}, t)
}
