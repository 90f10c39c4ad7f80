package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// readYAML lays the file over the defaults. The library's own decoder stops at
// the first mistake, so its syntax tree is walked along the struct instead.
func (l *loader) readYAML(data []byte) {
	if len(data) == 0 {
		return
	}
	at := func(n ast.Node) Origin {
		// A node that the file does not spell out, such as a null, has no token.
		if token := n.GetToken(); token != nil && token.Position != nil {
			return Origin{File: l.file, Line: token.Position.Line, Column: token.Position.Column}
		}
		return Origin{File: l.file}
	}
	l.decodeYAML(data, reflect.ValueOf(&l.config).Elem(), "", Origin{File: l.file}, at)
}

// decodeYAML reads one document into the key or section of this path. whole is
// the place of a mistake that has no line, at the place of a node.
func (l *loader) decodeYAML(data []byte, into reflect.Value, path string, whole Origin, at func(ast.Node) Origin) {
	file, err := parseYAML(data)
	if err != nil {
		// The library's full text quotes the lines around, secrets included: its message alone is safe.
		place, problem := whole, "the parser gave up on it"
		if syntax, ok := errors.AsType[*yaml.SyntaxError](err); ok {
			problem, _, _ = strings.Cut(syntax.Message, `"`) // what it quotes may be half a secret
			if token := syntax.Token; token != nil && token.Position != nil && whole.Variable == "" {
				place.Line, place.Column = token.Position.Line, token.Position.Column
			}
		}
		l.mistakeAt(path, place, "is not YAML: "+strings.TrimRight(problem, ": "), "")
		return
	}
	if len(file.Docs) > 1 {
		l.mistakeAt(path, whole, "has several YAML documents", "one")
		return
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return
	}
	d := &decoder{loader: l, at: at, anchors: map[string]ast.Node{}}
	ast.Walk(d, file.Docs[0].Body)
	d.decode(file.Docs[0].Body, into, path)
}

// parseYAML keeps duplicate keys, to report them all, and turns a panic of the
// parser into an error: a configuration must not be able to stop the process.
func parseYAML(data []byte) (file *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("config: parser: %v", r)
		}
	}()
	return parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
}

// decoder walks a document and the struct side by side.
type decoder struct {
	*loader
	at      func(ast.Node) Origin
	anchors map[string]ast.Node
}

// Visit collects the anchors, for [ast.Walk].
func (d *decoder) Visit(n ast.Node) ast.Visitor {
	if a, ok := n.(*ast.AnchorNode); ok && a.Name != nil && a.Name.GetToken() != nil {
		d.anchors[a.Name.GetToken().Value] = a.Value
	}
	return d
}

// resolved returns what an anchor or an alias stands for; nil when that is nothing.
func (d *decoder) resolved(n ast.Node) ast.Node {
	const deepest = 8 // an alias may stand for itself
	for range deepest {
		switch node := n.(type) {
		case *ast.AnchorNode:
			n = node.Value
		case *ast.AliasNode:
			if node.Value == nil || node.Value.GetToken() == nil {
				return nil
			}
			n = d.anchors[node.Value.GetToken().Value]
		default:
			return n
		}
	}
	return nil
}

func (d *decoder) decode(n ast.Node, into reflect.Value, path string) {
	n = d.resolved(n)
	switch {
	case n == nil:
		d.mistake(path, "is an alias without an anchor", "")
	case n.Type() == ast.TagType:
		d.mistake(path, "has a YAML tag", "the bare value")
	case n.Type() == ast.NullType:
		// A key without a value keeps its default: a section whose keys are all commented out looks so.
	case into.Kind() == reflect.Struct:
		d.section(n, into, path)
	case into.Kind() == reflect.Slice:
		d.list(n, into, path)
	case into.Kind() == reflect.Map:
		d.texts(n, into, path)
	default:
		d.scalar(n, into, path)
	}
}

func (d *decoder) section(n ast.Node, into reflect.Value, path string) {
	node, ok := n.(ast.MapNode)
	if !ok {
		d.mistake(path, "is "+kindOf(n), "a section")
		return
	}
	known := members(path, into)
	seen := map[string]bool{}
	for entries := node.MapRange(); entries.Next(); {
		name, place := keyText(entries.Key()), d.at(entries.Key())
		k, ok := named(known, name)
		switch {
		case !ok:
			d.unknownKey(path, name, place, known)
		case seen[name]:
			d.mistakeAt(k.path, place, "is given twice", "")
		default:
			seen[name] = true
			d.origins[k.path] = place
			d.decode(entries.Value(), k.value, k.path)
		}
	}
}

func (d *decoder) list(n ast.Node, into reflect.Value, path string) {
	node, ok := n.(ast.ArrayNode)
	if !ok {
		d.mistake(path, "is "+kindOf(n), "a list")
		return
	}
	items := reflect.Zero(into.Type()) // an empty list is the same value as none
	for entries := node.ArrayRange(); entries.Next(); {
		itemPath := element(path, items.Len())
		d.origins[itemPath] = d.at(entries.Value())
		items = reflect.Append(items, newItem(into.Type().Elem()))
		d.decode(entries.Value(), items.Index(items.Len()-1), itemPath)
	}
	into.Set(items)
}

// texts reads a section whose keys are free, with texts as values.
func (d *decoder) texts(n ast.Node, into reflect.Value, path string) {
	node, ok := n.(ast.MapNode)
	if !ok {
		d.mistake(path, "is "+kindOf(n), "a section")
		return
	}
	all := map[string]string{}
	for entries := node.MapRange(); entries.Next(); {
		name, place := keyText(entries.Key()), d.at(entries.Key())
		if _, twice := all[name]; twice {
			d.mistakeAt(path+"."+name, place, "is given twice", "")
			continue
		}
		var text string
		d.origins[path+"."+name] = place
		d.decode(entries.Value(), reflect.ValueOf(&text).Elem(), path+"."+name)
		all[name] = text
	}
	into.Set(reflect.Zero(into.Type()))
	if len(all) > 0 {
		into.Set(reflect.ValueOf(all))
	}
}

func (d *decoder) scalar(n ast.Node, into reflect.Value, path string) {
	text, ok := scalarText(n)
	if !ok {
		d.mistake(path, "is "+kindOf(n), "one value")
		return
	}
	d.set(path, into, text)
}

// set sets one value from its text and records a mistake in it.
func (l *loader) set(path string, into reflect.Value, text string) {
	if err := setText(into, text); err != nil {
		l.mistake(path, shown(into.Type(), text)+"; "+err.Error(), "")
	}
}

func keyText(k ast.MapKeyNode) string {
	if text, ok := scalarText(k); ok {
		return text
	}
	return k.String()
}

// scalarText is the text of a single value as it stands in the file: a client id
// 0123 stays 0123.
func scalarText(n ast.Node) (string, bool) {
	switch node := n.(type) {
	case *ast.StringNode:
		return node.Value, true
	case *ast.LiteralNode:
		return node.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// kindOf names what stands where something else is wanted.
func kindOf(n ast.Node) string {
	if _, ok := scalarText(n); ok {
		return "one value"
	}
	switch n.(type) {
	case ast.MapNode:
		return "a section"
	case ast.ArrayNode:
		return "a list"
	}
	return "no plain value"
}
