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
	for _, tag := range strings.Split(field.Tag.Get("validate"), ",") {
		name, param, _ := strings.Cut(tag, "=")
		switch name {
		case "required":
			f.required = true
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
