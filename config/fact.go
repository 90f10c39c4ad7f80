package config

import (
	"fmt"
	"reflect"
	"strings"
)

// facts is what the tags of a key say beyond its comment, in words.
type facts struct {
	required bool
	choices  []string
	min, max string // as an operator writes them; empty when there is none
}

func factsOf(field reflect.StructField) facts {
	var f facts
	items := false
	for _, tag := range strings.Split(field.Tag.Get("validate"), ",") {
		name, param, _ := strings.Cut(tag, "=")
		switch name {
		case "dive":
			items = true
		case "required":
			f.required = f.required || !items // an item must not be empty, the list may be
		case "oneof":
			f.choices = strings.Fields(param)
		case "min":
			f.min = bound(field.Type, param)
		case "max":
			f.max = bound(field.Type, param)
		}
	}
	return f
}

// bounds words the bounds: "from 1s to 10m", "one of auto, off".
func (f facts) bounds() string {
	switch {
	case len(f.choices) > 0:
		return "one of " + strings.Join(f.choices, ", ")
	case f.min != "" && f.max != "":
		return fmt.Sprintf("from %s to %s", f.min, f.max)
	}
	return ""
}

// form words what a value of k may be: its bounds, or else its type and form.
func (f facts) form(k key) string {
	kind := ""
	switch value := k.value.Interface().(type) {
	case Duration:
		kind = "duration"
	case Size:
		kind = "size"
	case Secret:
		kind = "secret"
	case bool:
		return "true or false"
	case int:
		kind = "whole number"
	case float64:
		kind = "number"
	case []string:
		kind = "list"
	case map[string]string:
		return "section of texts"
	case string:
		kind = "text"
		if strings.HasSuffix(k.path, "_file") && value == "" {
			kind = "file"
		}
	}
	switch {
	case kind == "list" && len(f.choices) > 0:
		return "list of " + strings.Join(f.choices, ", ")
	case len(f.choices) > 0:
		return "one of " + strings.Join(f.choices, ", ")
	case f.bounds() != "":
		return kind + " " + f.bounds()
	}
	return kind
}
