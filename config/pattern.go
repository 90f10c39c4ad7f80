package config

import (
	"fmt"
	"slices"
	"strings"
)

// placeholders are what a passthrough rule may leave open.
func placeholders() []string { return []string{"{program_uuid}", "{course_key}", "{username}"} }

const wantPlaceholder = `"{program_uuid}", "{course_key}" or "{username}", each at most once`

// passthroughRules is what must hold of the passthrough rule at this index. The
// mistakes about the rule as a whole come last, so that one about a key of it
// hides them.
func passthroughRules(c Config, i int) []rule {
	r := c.Passthrough.Rules[i]
	path := element("passthrough.rules", i)
	at := func(name string) []string { return []string{path + "." + name, path} }
	open, all := openings(r), make([]rule, 0, 16)
	add := func(name string, broken bool, problem, want string) {
		all = append(all, rule{keys: at(name), broken: broken, problem: problem, want: want})
	}

	problem := pathProblem(r.Path)
	add("path", problem != "", problem, "a path such as /api/courses/v1/courses/{course_key}/")
	for _, name := range sortedNames(r.Query) {
		add("query."+name, !isPlain(name), "is no query name", form("query_name"))
		add("query."+name, slices.Contains(r.AllowQuery, name), "is in allow_query too", "one of the two")
		problem := textProblem(r.Query[name])
		add("query."+name, problem != "", problem, wantPlaceholder+", or a text without braces")
	}
	for _, p := range placeholders() {
		add("path", count(open, p) > 1, "the rule has "+p+" twice", wantPlaceholder)
	}
	onlyGet := slices.Equal(r.Methods, []string{"GET"})
	guard, narrow := "such as read_enrollments", slices.Equal(open, []string{"{username}"})
	add("methods", len(r.Methods) == 0, "is empty", "at least one method")
	add("methods", repeated(r.Methods) != "", "has "+repeated(r.Methods)+" twice", "each once")
	add("allow_query", repeated(r.AllowQuery) != "", "has "+repeated(r.AllowQuery)+" twice", "each once")
	add("cache", r.Cache > 0 && !onlyGet, "is set for a rule with other methods than GET", "0s")
	add("filter", r.Filter == "" && narrow, `is missing, and "{username}" is the only placeholder`, "where a course key stands in each item, none, or a further placeholder")
	add("filter", r.Filter != "" && r.Filter != "none" && !onlyGet, "is set for a rule with other methods than GET", "GET as the only method")
	add("filter", r.Filter != "" && len(open) == 0 && r.Superuser, "is set for a rule without a placeholder", "no filter")
	add("permission", r.Superuser && r.Permission != "" && len(open) == 0, "is given beside superuser", "one of the two")
	add("permission", len(open) > 0 && !r.Superuser && r.Permission == "", "is missing", "what the caller must hold, "+guard)
	add("superuser", len(open) > 0 && r.Superuser, "is true in a rule with a placeholder", "a permission instead, "+guard)
	for j, other := range c.Passthrough.Rules[:i] {
		add("name", r.Name == other.Name, fmt.Sprintf("is %q, as in %s", r.Name, element("passthrough.rules", j)), "a name of its own")
	}
	whole := []string{path, path + ".path", path + ".query", path + ".methods", path + ".superuser"}
	all = append(all, rule{
		keys: whole, broken: len(open) == 0 && !r.Superuser,
		problem: "has no placeholder, so no permission can guard it", want: "a placeholder, or superuser: true instead of a permission",
	})
	for j, other := range c.Passthrough.Rules[:i] {
		all = append(all, rule{
			keys: whole, broken: collide(other, r),
			problem: "is for a path and a method of " + element("passthrough.rules", j), want: "another path or other methods",
		})
	}
	return all
}

// openings lists the placeholders of a rule, those of its path first.
func openings(r PassthroughRule) []string {
	var open []string
	texts := strings.Split(r.Path, "/")
	for _, name := range sortedNames(r.Query) {
		texts = append(texts, r.Query[name])
	}
	for _, text := range texts {
		if slices.Contains(placeholders(), text) {
			open = append(open, text)
		}
	}
	return open
}

// pathProblem says what is wrong with a path pattern; "" when nothing is. What
// two servers could read in two ways is refused.
func pathProblem(path string) string {
	if !strings.HasPrefix(path, "/") {
		return shownText(path) + "; it does not begin with a slash"
	}
	for segment := range strings.SplitSeq(strings.TrimSuffix(path[1:], "/"), "/") {
		if problem := textProblem(segment); problem != "" {
			return problem
		}
		if !strings.Contains(segment, "{") && !isPlain(segment) {
			return shownText(path) + "; its segments are not all plain ones of letters, digits and - . _ ~"
		}
	}
	return ""
}

// textProblem says what is wrong with a segment or a query value; "" when
// nothing is. A placeholder is the whole of it or no part of it.
func textProblem(text string) string {
	if !strings.ContainsAny(text, "{}") || slices.Contains(placeholders(), text) {
		return ""
	}
	return fmt.Sprintf("has %q, which is no placeholder", text) + didYouMean(nearest(text, placeholders()))
}

// collide reports whether two rules could take the same request.
func collide(a, b PassthroughRule) bool {
	both := slices.ContainsFunc(b.Methods, func(method string) bool { return slices.Contains(a.Methods, method) })
	return both && a.Upstream == b.Upstream && shape(a.Path) == shape(b.Path)
}

// shape is a path pattern without what callers may vary: the slash at its end and
// what its placeholders are called.
func shape(path string) string {
	path = strings.TrimSuffix(path, "/")
	for _, p := range placeholders() {
		path = strings.ReplaceAll(path, p, "{}")
	}
	return path
}

func count(all []string, text string) int {
	n := 0
	for _, t := range all {
		if t == text {
			n++
		}
	}
	return n
}

// repeated is the first text that the list has twice; "" when none is.
func repeated(all []string) string {
	for i, text := range all {
		if slices.Contains(all[:i], text) {
			return text
		}
	}
	return ""
}
