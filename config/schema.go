package config

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"
)

// Schema returns the JSON schema of the file, for editors and linters. It knows
// keys, forms and choices; bounds of durations and sizes, and rules between
// keys, are for [Load] alone. No key is required there, for the environment may
// hold it.
func Schema() []byte {
	said := comments()
	reflector := jsonschema.Reflector{
		Anonymous:                  true,
		DoNotReference:             true,
		ExpandedStruct:             true,
		FieldNameTag:               "yaml",
		RequiredFromJSONSchemaTags: true,
		Mapper:                     schemaOf,
		LookupComment: func(t reflect.Type, field string) string {
			return said[t.Name()+"."+field]
		},
	}
	schema := reflector.Reflect(Config{})
	schema.Title = "registrar configuration"
	c := Default()
	describe(schema, reflect.ValueOf(&c).Elem())
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		return nil // it holds plain data only; a test reads it
	}
	return append(text, '\n')
}

// schemaOf is the schema of the types with a text form of their own.
func schemaOf(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: durationPattern}
	case reflect.TypeFor[Size]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
			{Type: "string", Pattern: sizePattern},
			{Type: "integer", Minimum: json.Number("0")},
		}}
	case reflect.TypeFor[Secret]():
		return &jsonschema.Schema{Type: "string"}
	}
	return nil
}

// describe adds the defaults, bounds and choices of a section's keys.
func describe(schema *jsonschema.Schema, section reflect.Value) {
	for _, k := range members("", section) {
		property, ok := schema.Properties.Get(k.name())
		if !ok {
			continue // a test compares the keys
		}
		switch {
		case k.isSection():
			describe(property, k.value)
		case k.isSectionList():
			describe(property.Items, newItem(k.value.Type().Elem()))
		default:
			describeKey(property, k)
		}
	}
}

func describeKey(property *jsonschema.Schema, k key) {
	f := factsOf(k.field)
	if k.value.CanFloat() || k.value.Kind() == reflect.Int {
		property.Minimum, property.Maximum = json.Number(f.min), json.Number(f.max)
	}
	chosen := property
	if property.Items != nil {
		chosen = property.Items
	}
	for _, choice := range f.choices {
		chosen.Enum = append(chosen.Enum, choice)
	}
	if text := f.bounds(); text != "" {
		property.Description = strings.TrimSpace(property.Description + " " + sentence(text))
	}
	if !k.value.IsZero() {
		property.Default = defaultOf(k.value)
	}
}

// defaultOf is a default as JSON: numbers, lists and booleans as such, all else in
// its text form.
func defaultOf(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Float64, reflect.Int, reflect.Bool, reflect.Slice:
		return v.Interface()
	default:
		return plainText(v)
	}
}
