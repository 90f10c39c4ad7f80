package config

import (
	"fmt"
	"reflect"
	"strings"
)

// key is one key of the configuration that holds a value rather than a section.
// A list of sections is a key too, and so are the keys of each element.
type key struct {
	path  string
	field reflect.StructField
	value reflect.Value // addressable: setting it sets the Config it came from
}

// keys lists every key of c in the order of the example file.
func keys(c *Config) []key { return appendKeys(nil, "", reflect.ValueOf(c).Elem()) }

func appendKeys(all []key, prefix string, section reflect.Value) []key {
	for _, k := range members(prefix, section) {
		switch {
		case k.isSection():
			all = appendKeys(all, k.path, k.value)
		case k.isSectionList():
			all = append(all, k)
			for i := range k.value.Len() {
				all = appendKeys(all, element(k.path, i), k.value.Index(i))
			}
		default:
			all = append(all, k)
		}
	}
	return all
}

// members lists the keys and sections directly within a section. Those of an
// inlined struct stand in its place.
func members(prefix string, section reflect.Value) []key {
	var all []key
	for i := range section.NumField() {
		field := section.Type().Field(i)
		if field.Anonymous {
			all = append(all, members(prefix, section.Field(i))...)
			continue
		}
		path := strings.TrimPrefix(prefix+"."+field.Tag.Get("yaml"), ".")
		all = append(all, key{path: path, field: field, value: section.Field(i)})
	}
	return all
}

func (k key) isSection() bool { return k.value.Kind() == reflect.Struct }

// isCompact reports whether the section is one of several alike that take a line
// each where they are shown.
func (k key) isCompact() bool {
	t := k.value.Type()
	return t == reflect.TypeFor[View]() || t == reflect.TypeFor[Bucket]()
}

func (k key) isSectionList() bool {
	return k.value.Kind() == reflect.Slice && k.value.Type().Elem().Kind() == reflect.Struct
}

// name is the last part of the path, as it stands in the file.
func (k key) name() string { return k.field.Tag.Get("yaml") }

// variable is the environment variable that overrides the key of this path:
// REGISTRAR_LMS_CLIENT_ID for "lms.client_id", REGISTRAR_AUTH_ISSUERS_0_ISSUER
// for "auth.issuers[0].issuer".
func variable(path string) string {
	return "REGISTRAR_" + strings.ToUpper(strings.NewReplacer(".", "_", "[", "_", "]", "").Replace(path))
}

// element is the path of one element of a list.
func element(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// twins pairs each secret with the key that names its file, in order.
func twins(all []key) []twin {
	byPath := make(map[string]key, len(all))
	for _, k := range all {
		byPath[k.path] = k
	}
	var pairs []twin
	for _, k := range all {
		if file, ok := byPath[k.path+"_file"]; ok {
			pairs = append(pairs, twin{secret: k, file: file})
		}
	}
	return pairs
}

// twin is a secret and its other spelling: the name of a file that holds it.
type twin struct{ secret, file key }
