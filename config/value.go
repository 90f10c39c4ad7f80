package config

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// setText sets one value from its text, alike for the file and the environment.
// The error says what is wanted and never repeats the text.
func setText(into reflect.Value, text string) error {
	if u, ok := into.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch {
	case into.Kind() == reflect.String:
		into.SetString(text)
		return nil
	case into.Kind() == reflect.Bool:
		if text != "true" && text != "false" {
			return errors.New("want true or false")
		}
		into.SetBool(text == "true")
		return nil
	case into.CanInt():
		n, err := strconv.ParseInt(text, 10, into.Type().Bits())
		if err != nil {
			return errors.New("want a whole number")
		}
		into.SetInt(n)
		return nil
	case into.CanFloat():
		f, err := strconv.ParseFloat(text, into.Type().Bits())
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return errors.New("want a number")
		}
		into.SetFloat(f)
		return nil
	}
	return fmt.Errorf("config: no text form for %s", into.Type())
}

// shown is how a mistake repeats a value: quoted, cut to a line, and not at all
// when it may hold a secret.
func shown(field reflect.Type, text string) string {
	if field == reflect.TypeFor[Secret]() {
		return "has no usable value"
	}
	return shownText(text)
}

func shownText(text string) string {
	const most = 60
	if len(text) > most {
		text = text[:most] + "…"
	}
	return fmt.Sprintf("is %q", text)
}

// plainText is a default as text. That of a secret is public.
func plainText(v reflect.Value) string {
	switch value := v.Interface().(type) {
	case Secret:
		return value.Reveal()
	case []string:
		return strings.Join(value, ", ")
	}
	return fmt.Sprint(v.Interface())
}

// sortedNames are the names of a free section, in order.
func sortedNames(section map[string]string) []string {
	return slices.Sorted(maps.Keys(section))
}
