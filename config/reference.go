package config

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
)

// Reference returns docs/configuration.md: how the configuration is read and
// reloaded, and a table of the keys of every section, in Markdown.
func Reference() []byte {
	c := Default()
	r := &reference{comments: comments()}
	r.buffer.WriteString(referenceHead)
	root := reflect.ValueOf(&c).Elem()
	for _, k := range members("", root) {
		r.section(k, "##", r.said(root.Type(), k))
	}
	return r.buffer.Bytes()
}

const referenceHead = "# Configuration\n" + `
*This page is made from the code: ` + "`go test ./config -update`" + ` rewrites it.*

` + "`registrar serve --config FILE`" + ` reads one YAML file and the environment. Every key has a default but the few marked
**required**, so that a site's own file is short. [config.example.yaml](../config.example.yaml) is the same as a file to
copy, and [config.schema.json](../config.schema.json) lets an editor complete and check it. ` + "`registrar check --config FILE`" + `
names every mistake at once, each with its key and line, and starts nothing.

## How it is read

* **Order.** Defaults, then the file, then variables: the later wins. A key without a value keeps its default.
* **Variables.** ` + "`REGISTRAR_`" + ` and the key's path in capitals: ` + "`lms.client_id`" + ` is ` + "`REGISTRAR_LMS_CLIENT_ID`" + `, and
  ` + "`auth.issuers[0].issuer`" + ` is ` + "`REGISTRAR_AUTH_ISSUERS_0_ISSUER`" + `. An empty variable counts as unset. A list is YAML in brackets
  or, for texts, the items with commas between them; a section of free names is YAML in braces.
* **Forms.** Durations carry a unit: ` + "`300ms`, `30s`, `1h30m`" + `. Sizes are bytes or carry ` + "`KiB`, `MiB` or `GiB`" + `. Paths of files are relative
  to the working directory.
* **Lists** replace the default list; they do not add to it.
* **Secrets** are given as text or, better, by the key with ` + "`_file`" + `, as the name of a file that holds them. Both is a mistake. No
  print, log or mistake ever shows one.

## How it is reloaded

SIGHUP, or a change of the file or of a secret's file, reads everything again. The folders are watched, so that a file that is written
in place, renamed over or swapped by Kubernetes through a link is seen alike; the files must rest for 100 ms first.

The keys marked *live* take effect at once and together. The others go on as they run until the next start, and the log names those that
wait. If anything is wrong, in the files or in carrying it out, everything stays as it was and the log says why. Write a new file beside the
old one and rename it: a file that is saved in place can be read half written, and half a file may well be without mistakes.
`

type reference struct {
	buffer   bytes.Buffer
	comments map[string]string
}

func (r *reference) said(section reflect.Type, k key) string {
	return r.comments[owner(section, k.field)+"."+k.field.Name]
}

// section writes a heading, the keys of the section in a table, and then the
// sections within it.
func (r *reference) section(s key, level, said string) {
	fmt.Fprintf(&r.buffer, "\n%s %s\n\n%s\n", level, s.path, said)
	var plain, alike, inner []key
	for _, k := range members(s.path, s.value) {
		switch {
		case k.isCompact():
			alike = append(alike, k)
		case k.isSection(), k.isSectionList():
			inner = append(inner, k)
		default:
			plain = append(plain, k)
		}
	}
	r.table(s.value.Type(), plain)
	r.alike(s.value.Type(), alike)
	for _, k := range inner {
		if k.isSectionList() {
			r.list(k, level+"#", r.said(s.value.Type(), k))
			continue
		}
		r.section(k, level+"#", r.said(s.value.Type(), k))
	}
}

// list writes the keys of an item as a section, and then the default items.
func (r *reference) list(k key, level, said string) {
	item := newItem(k.value.Type().Elem())
	r.section(key{path: k.path + "[]", field: k.field, value: item}, level, said)
	if k.value.Len() == 0 {
		return
	}
	e := &example{}
	for i := range k.value.Len() {
		e.item(k.value.Index(i), "", false)
	}
	fmt.Fprintf(&r.buffer, "\nThe default %s:\n\n```yaml\n%s:\n%s```\n", k.name(), k.name(), e.buffer.String())
}

// table writes one line a key.
func (r *reference) table(section reflect.Type, all []key) {
	if len(all) == 0 {
		return
	}
	r.buffer.WriteString("\n| key | default | may be | changes | |\n| --- | --- | --- | --- | --- |\n")
	for _, k := range all {
		r.row("`"+k.path+"`", defaultCell(k), factsOf(k.field).form(k), changes(k.path), r.said(section, k))
	}
}

// alike writes sections of one type as one table, with a line for each.
func (r *reference) alike(section reflect.Type, all []key) {
	if len(all) == 0 {
		return
	}
	r.buffer.WriteString("\nEach of these has the keys\n\n")
	kind, names := all[0].value.Type(), []string{"key"}
	for _, k := range members("", newItem(kind)) {
		names = append(names, "`"+k.name()+"`")
		fmt.Fprintf(&r.buffer, "* `%s`, %s: %s\n", k.name(), factsOf(k.field).form(k), r.said(kind, k))
	}
	r.buffer.WriteString("\n")
	r.row(append(names, "changes", "")...)
	r.buffer.WriteString(strings.Repeat("| --- ", len(names)+2) + "|\n")
	for _, k := range all {
		cells := []string{"`" + k.path + "`"}
		for _, m := range members(k.path, k.value) {
			cells = append(cells, defaultCell(m))
		}
		r.row(append(cells, changes(k.path), r.said(section, k))...)
	}
}

func (r *reference) row(cells ...string) {
	for i := range cells {
		cells[i] = strings.ReplaceAll(cells[i], "|", `\|`)
	}
	r.buffer.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

// defaultCell is a default as code; what only the site knows has none.
func defaultCell(k key) string {
	switch {
	case factsOf(k.field).required && k.value.IsZero():
		return "**required**"
	case k.value.Kind() == reflect.String && k.value.Len() == 0,
		k.value.Kind() == reflect.Slice && k.value.Len() == 0,
		k.value.Kind() == reflect.Map && k.value.Len() == 0:
		return ""
	case k.value.Kind() == reflect.Slice:
		return "`" + literal(k) + "`"
	}
	return "`" + plainText(k.value) + "`"
}

// changes says when a change of the key of this path takes effect.
func changes(path string) string {
	if IsLive(path) {
		return "live"
	}
	return "at a restart"
}
