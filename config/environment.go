package config

import (
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// readEnvironment lays the variables over the file. An empty variable counts as
// unset, because that is how container tools hand on what is not there.
func (l *loader) readEnvironment(environ []string) {
	given := make(map[string]string, len(environ))
	for _, entry := range environ {
		if name, text, ok := strings.Cut(entry, "="); ok && text != "" {
			given[name] = text
		}
	}
	// Lists of sections first: the rest may be about their elements.
	for _, k := range keys(&l.config) {
		if k.isSectionList() {
			l.overrideList(k, given)
			l.growList(k, given)
		}
	}
	all := keys(&l.config)
	for _, k := range all {
		text, ok := given[variable(k.path)]
		if !ok || k.isSectionList() {
			continue
		}
		if k.value.Kind() == reflect.Slice || k.value.Kind() == reflect.Map {
			l.overrideList(k, given)
			continue
		}
		l.override(k.path, k.value, text)
	}
	l.misspelled(given, all)
}

// override sets one value from its variable. A mistake that the file made there
// does not matter any more.
func (l *loader) override(path string, into reflect.Value, text string) {
	l.forget(path)
	l.origins[path] = Origin{Variable: variable(path)}
	l.set(path, into, text)
}

// overrideList replaces a list or free section by its variable: YAML in brackets
// or braces, or for a list of texts also the items with commas between them.
func (l *loader) overrideList(k key, given map[string]string) {
	text, ok := given[variable(k.path)]
	if !ok {
		return
	}
	l.forget(k.path)
	at := Origin{Variable: variable(k.path)}
	l.origins[k.path] = at
	k.value.SetZero()
	if strings.HasPrefix(strings.TrimSpace(text), "[") || k.isSectionList() || k.value.Kind() == reflect.Map {
		l.decodeYAML([]byte(text), k.value, k.path, at, func(ast.Node) Origin { return at })
		return
	}
	for i, item := range strings.Split(text, ",") {
		l.origins[element(k.path, i)] = at
		k.value.Set(reflect.Append(k.value, reflect.ValueOf(strings.TrimSpace(item))))
	}
}

// growList adds the elements that variables name one by one:
// REGISTRAR_AUTH_ISSUERS_0_ISSUER makes the first issuer.
func (l *loader) growList(k key, given map[string]string) {
	for {
		prefix := variable(element(k.path, k.value.Len())) + "_"
		first := ""
		for name := range given {
			if strings.HasPrefix(name, prefix) && (first == "" || name < first) {
				first = name
			}
		}
		if first == "" {
			return
		}
		l.origins[element(k.path, k.value.Len())] = Origin{Variable: first}
		k.value.Set(reflect.Append(k.value, newItem(k.value.Type().Elem())))
	}
}

// forget drops the mistakes and the origins of a key and of everything below it.
func (l *loader) forget(path string) {
	below := func(p string) bool {
		return p == path || strings.HasPrefix(p, path+".") || strings.HasPrefix(p, path+"[")
	}
	for p := range l.origins {
		if below(p) {
			delete(l.origins, p)
		}
	}
	for p := range l.bad {
		if below(p) {
			delete(l.bad, p)
		}
	}
	l.mistakes.List = slices.DeleteFunc(l.mistakes.List, func(m Mistake) bool { return below(m.Key) })
}

// misspelled reports variables that are almost one of ours. Others are none of
// our business: Kubernetes sets REGISTRAR_SERVICE_HOST for a service of our name.
func (l *loader) misspelled(given map[string]string, all []key) {
	known := make([]string, 0, len(all))
	for _, k := range all {
		known = append(known, variable(k.path))
	}
	names := make([]string, 0, len(given))
	for name := range given {
		if strings.HasPrefix(name, "REGISTRAR_") && !slices.Contains(known, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		guess := nearest(name, known)
		if guess != "" && edits(name, guess) <= 2 {
			l.mistakes.List = append(l.mistakes.List, Mistake{
				Origin: Origin{Variable: name}, Problem: "is not a variable" + didYouMean(guess),
			})
		}
	}
}
