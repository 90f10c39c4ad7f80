package config

import (
	"bytes"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Example returns a YAML file with every key, its default, its bounds and what
// it is for. With the values that only the site knows it loads, and then equals
// [Default]; the secrets are left empty, so that nobody starts with a known one.
func Example() []byte {
	c := Default()
	c.Auth.Issuers = make([]Issuer, 1)
	e := &example{comments: comments()}
	e.buffer.WriteString(exampleHead)
	e.section(reflect.ValueOf(&c).Elem(), "", "")
	return e.buffer.Bytes()
}

const exampleHead = `# yaml-language-server: $schema=./config.schema.json
#
# The configuration of registrar: every key, with its default. A key that is left
# out has its default, so that a site's own file holds the required keys and
# little else.
#
# Durations carry a unit: 300ms, 30s, 5m, 24h. Sizes are bytes or carry KiB, MiB or
# GiB. Paths of files are relative to the working directory.
#
# A variable of the environment overrides a key: REGISTRAR_LMS_CLIENT_ID is
# lms.client_id. An empty one counts as unset. Lists are YAML in brackets
# (REGISTRAR_AUTH_ISSUERS='[{issuer: …, jwk_set_file: …}]'), or one variable an item's key
# (REGISTRAR_AUTH_ISSUERS_0_ISSUER), or texts between commas
# (REGISTRAR_SERVER_TRUSTED_PROXIES=10.0.0.0/8,192.0.2.1).
#
# A secret is given either as text or, by its key with _file, as the name of a file
# that holds it; a newline at the file's end does not count. Both is a mistake.
`

type example struct {
	buffer   bytes.Buffer
	comments map[string]string
}

// section writes the keys of a section. first stands before the first of them, where the
// dash of a list item goes.
func (e *example) section(section reflect.Value, indent, first string) {
	explained := false
	for i, k := range members("", section) {
		if indent == "" {
			e.buffer.WriteString("\n")
		}
		lead := indent
		if i == 0 && first != "" {
			lead = first
		}
		comment := e.comments[owner(section.Type(), k.field)+"."+k.field.Name]
		switch {
		case k.isCompact():
			if !explained {
				e.legend(k.value.Type(), indent)
				explained = true
			}
			e.comment(indent, comment)
			fmt.Fprintf(&e.buffer, "%s%s: %s\n", lead, k.name(), flow(k.value))
		case k.isSection():
			e.comment(indent, comment)
			fmt.Fprintf(&e.buffer, "%s%s:\n", lead, k.name())
			e.section(k.value, indent+"  ", "")
		case k.isSectionList():
			e.comment(indent, comment)
			fmt.Fprintf(&e.buffer, "%s%s:\n", lead, k.name())
			e.list(k.value, indent)
		default:
			e.comment(indent, comment+" "+remark(k))
			fmt.Fprintf(&e.buffer, "%s%s: %s\n", lead, k.name(), literal(k))
		}
	}
}

// list writes the items of a list of sections. The keys of a single one are
// explained where they stand; those of several before the first.
func (e *example) list(items reflect.Value, indent string) {
	if items.Len() == 1 {
		e.section(items.Index(0), indent+"    ", indent+"  - ")
		return
	}
	e.legend(items.Type().Elem(), indent+"  ")
	for i := range items.Len() {
		e.item(items.Index(i), indent, i == 0)
	}
}

// item writes the keys of an item that say something, or all of them.
func (e *example) item(item reflect.Value, indent string, all bool) {
	unsaid := members("", newItem(item.Type()))
	lead := indent + "  - "
	for i, k := range members("", item) {
		if !all && i > 0 && reflect.DeepEqual(k.value.Interface(), unsaid[i].value.Interface()) {
			continue
		}
		fmt.Fprintf(&e.buffer, "%s%s: %s\n", lead, k.name(), literal(k))
		lead = indent + "    "
	}
}

// legend explains the keys of a section once, before the first of several.
func (e *example) legend(section reflect.Type, indent string) {
	for _, k := range members("", newItem(section)) {
		e.comment(indent, k.name()+": "+e.comments[owner(section, k.field)+"."+k.field.Name]+" "+remark(k))
	}
	e.buffer.WriteString("\n")
}

// comment writes text as comment lines of about eighty columns.
func (e *example) comment(indent, text string) {
	const width = 88
	line := indent + "#"
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > width {
			e.buffer.WriteString(line + "\n")
			line = indent + "#"
		}
		line += " " + word
	}
	e.buffer.WriteString(line + "\n")
}

// owner is the type that declares the field: the section's own or the one that
// is inlined in it.
func owner(section reflect.Type, field reflect.StructField) string {
	for i := range section.NumField() {
		inlined := section.Field(i)
		if !inlined.Anonymous {
			continue
		}
		if _, ok := inlined.Type.FieldByName(field.Name); ok {
			return inlined.Type.Name()
		}
	}
	return section.Name()
}

// remark says what the tags and the default of a key say.
func remark(k key) string {
	f := factsOf(k.field)
	said := make([]string, 0, 2)
	if f.required && k.value.IsZero() {
		said = append(said, "Required.")
	} else if !k.value.IsZero() {
		said = append(said, sentence("default "+plainText(k.value)))
	}
	if text := f.bounds(); text != "" {
		said = append(said, sentence(text))
	}
	return strings.Join(said, " ")
}

func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] + "." }

// literal is the value of a key as YAML: its default, or a sample for what only
// the site knows.
func literal(k key) string {
	switch value := k.value.Interface().(type) {
	case []string:
		items := make([]string, 0, len(value))
		for _, item := range value {
			items = append(items, quoted(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case map[string]string:
		pairs := make([]string, 0, len(value))
		for _, name := range sortedNames(value) {
			pairs = append(pairs, quoted(name)+": "+strconv.Quote(value[name]))
		}
		return "{" + strings.Join(pairs, ", ") + "}"
	}
	if k.isSectionList() {
		return "[]" // the only one without a default item has a sample
	}
	text := plainText(k.value)
	if k.value.IsZero() && k.field.Tag.Get("example") != "" {
		text = k.field.Tag.Get("example")
	}
	if k.value.Kind() == reflect.String {
		return quoted(text)
	}
	return text
}

// quoted puts a text in quotes when YAML would read it as something else.
func quoted(text string) string {
	if text == "" || strings.ContainsAny(text, ":#{}[],") {
		return strconv.Quote(text)
	}
	return text
}

// flow writes a section of plain values on one line.
func flow(section reflect.Value) string {
	var pairs []string
	for _, k := range members("", section) {
		pairs = append(pairs, k.name()+": "+literal(k))
	}
	return "{" + strings.Join(pairs, ", ") + "}"
}
