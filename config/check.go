package config

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"
)

// check holds every value against the bounds in its tag, and the whole against
// the rules between keys.
func (l *loader) check() {
	v, err := newValidator()
	if err != nil {
		l.mistake("", "cannot be checked: "+err.Error(), "")
		return
	}
	all := keys(&l.config)
	files := map[string]bool{}
	for _, pair := range twins(all) {
		files[pair.secret.path] = true
	}
	for _, k := range all {
		bounds := k.field.Tag.Get("validate")
		if bounds == "" || l.isBad(k.path) {
			continue
		}
		wrong, _ := errors.AsType[validator.ValidationErrors](v.Var(plain(k.value), bounds))
		for _, w := range wrong {
			l.outOfBounds(k, w, files[k.path])
		}
	}
	l.checkRules()
}

func newValidator() (*validator.Validate, error) {
	v := validator.New(validator.WithRequiredStructEnabled())
	text := func(ok func(string) bool) validator.Func {
		return func(f validator.FieldLevel) bool { return ok(f.Field().String()) }
	}
	err := errors.Join(
		v.RegisterValidation("listen", text(isListen)),
		v.RegisterValidation("base_url", text(isBaseURL)),
		v.RegisterValidation("dsn", text(isDSN)),
		v.RegisterValidation("jwk_set", text(isJWKSet)),
		v.RegisterValidation("jwks_url", text(isJWKSURL)),
		v.RegisterValidation("redis_url", text(isRedisURL)),
		v.RegisterValidation("blob_url", text(isBlobURL)),
		v.RegisterValidation("origin", text(isOrigin)),
		v.RegisterValidation("rule_name", text(isRuleName)),
		v.RegisterValidation("query_name", text(isPlain)),
		v.RegisterValidation("cookie_name", text(isPlain)),
		v.RegisterValidation("member", text(isMember)),
	)
	return v, err
}

// plain returns the value in a type whose bounds the validator understands.
func plain(v reflect.Value) any {
	switch value := v.Interface().(type) {
	case Duration:
		return time.Duration(value)
	case Size:
		return int64(value)
	case Secret:
		return value.Reveal()
	default:
		return value
	}
}

// outOfBounds words what the validator found. hasFile says that the key is a
// secret that may also be given as a file.
func (l *loader) outOfBounds(k key, wrong validator.FieldError, hasFile bool) {
	// For an item of a list the validator's namespace is its index, "[2]".
	path := k.path + wrong.Namespace()
	given := fmt.Sprint(k.value.Interface())
	if k.value.Kind() == reflect.Slice {
		given = fmt.Sprint(wrong.Value())
	}
	problem := shown(k.field.Type, given)
	switch wrong.Tag() {
	case "required":
		want := "a value here or in " + variable(k.path)
		if hasFile {
			want = fmt.Sprintf("%s, %s_file, or either as a variable such as %s", k.path, k.path, variable(k.path))
		}
		l.mistake(path, "is missing", want)
	case "min":
		l.mistake(path, problem, "at least "+bound(k.field.Type, wrong.Param()))
	case "max":
		l.mistake(path, problem, "at most "+bound(k.field.Type, wrong.Param()))
	case "oneof":
		choices := strings.Fields(wrong.Param())
		l.mistake(path, problem+didYouMean(nearest(given, choices)), "one of "+strings.Join(choices, ", "))
	case "base_url":
		// The value is not repeated: it may hold a password.
		l.mistake(path, "is not a usable address", "http:// or https:// with a host, without user, query or fragment")
	default:
		l.mistake(path, problem, form(wrong.Tag()))
	}
}

// bound writes a bound of the validate tag as an operator would write the value.
func bound(field reflect.Type, param string) string {
	if field == reflect.TypeFor[Size]() {
		if n, err := strconv.ParseInt(param, 10, 64); err == nil {
			return Size(n).String()
		}
	}
	if field == reflect.TypeFor[Duration]() {
		if d, err := time.ParseDuration(param); err == nil {
			return Duration(d).String()
		}
	}
	return param
}
