package config

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
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
	const most = 60
	if len(text) > most {
		text = text[:most] + "…"
	}
	return fmt.Sprintf("is %q", text)
}
