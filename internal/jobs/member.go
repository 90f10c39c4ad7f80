package jobs

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode"
)

// Members of the LMS's rows are judged as the original's serializers judged them:
// forgiving about how a value is written, strict about what it is. An error says
// what is wrong, for the owner of the job; it never quotes the value.

var (
	errMissing       = errors.New("is missing")
	errNull          = errors.New("is null")
	errBlank         = errors.New("is blank")
	errNoText        = errors.New("is no text")
	errNoFlag        = errors.New("is neither yes nor no")
	errBoth          = errors.New("comes together with a grade")
	errUnknownStatus = errors.New("is not one of the known states")
)

// isNull reports whether a member is there and null.
func isNull(raw json.RawMessage) bool { return string(bytes.TrimSpace(raw)) == "null" }

// textOf reads a text that may be blank: a string without the blanks around it, or
// a number by its digits.
func textOf(raw json.RawMessage) (string, error) {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0:
		return "", errMissing
	case isNull(raw):
		return "", errNull
	case raw[0] == '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return "", errNoText
		}
		return trim(s), nil
	case isNumber(raw):
		return numberText(string(raw)), nil
	}
	return "", errNoText // true, false, a list or an object
}

// wordOf reads a text that must not be blank.
func wordOf(raw json.RawMessage) (string, error) {
	s, err := textOf(raw)
	if err == nil && s == "" {
		return "", errBlank
	}
	return s, err
}

// trim removes what Python takes for blanks: Unicode's, and four separators below
// the space.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f })
}

func isNumber(raw []byte) bool { return raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9' }

// numberText writes a JSON number as Python does: an integer by its digits, and
// any other by the fewest digits that mean the same float.
func numberText(literal string) string {
	if !strings.ContainsAny(literal, ".eE") {
		return literal
	}
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil {
		return literal // beyond any float; as it is rather than as "inf"
	}
	s := strconv.FormatFloat(f, 'e', -1, 64)
	exponent, _ := strconv.Atoi(s[strings.IndexByte(s, 'e')+1:])
	if exponent < -4 || exponent >= 16 {
		return s
	}
	s = strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// flagOf reads a boolean, or what stands for one: yes, on, true, t, y and 1 in the
// usual spellings, and their opposites.
func flagOf(raw json.RawMessage) (bool, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return false, errMissing
	}
	word := string(raw)
	switch {
	case raw[0] == '"':
		if err := json.Unmarshal(raw, &word); err != nil {
			return false, errNoFlag
		}
	case isNumber(raw):
		// 1.0 and 0e5 are as good as 1 and 0.
		f, err := strconv.ParseFloat(word, 64)
		if err != nil || f != 0 && f != 1 {
			return false, errNoFlag
		}
		return f == 1, nil
	case word == "null":
		return false, errNull
	case word != "true" && word != "false":
		return false, errNoFlag
	}
	return flagWord(word)
}

func flagWord(word string) (bool, error) {
	lower := strings.ToLower(word)
	if word != lower && word != strings.ToUpper(word) && word != strings.ToUpper(word[:1])+lower[1:] {
		return false, errNoFlag
	}
	switch lower {
	case "true", "t", "yes", "y", "on", "1":
		return true, nil
	case "false", "f", "no", "n", "off", "0":
		return false, nil
	}
	return false, errNoFlag
}
