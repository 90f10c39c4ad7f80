package jobs

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

var errNoPercent = errors.New("is no number of at most four digits, three of them behind the point")

// The digits of a grade's percentage.
const (
	percentDigits   = 4
	percentDecimals = 3
)

// percentOf reads a grade's percentage, a number or a numeric string, and writes
// it with three decimals. The digits decide and no float is made of them: 0.95
// must not become 0.9499999.
func percentOf(raw json.RawMessage) (string, error) {
	raw = bytes.TrimSpace(raw)
	var literal string
	switch {
	case len(raw) == 0:
		return "", errMissing
	case isNull(raw):
		return "", errNull
	case raw[0] == '"':
		if err := json.Unmarshal(raw, &literal); err != nil {
			return "", errNoPercent
		}
		literal = trim(literal)
	case isNumber(raw):
		literal = string(raw)
	}
	d, ok := parseDecimal(literal)
	if !ok {
		return "", errNoPercent
	}
	if raw[0] != '"' {
		d.shorten()
	}
	if !d.fits() {
		return "", errNoPercent
	}
	return d.fixed(), nil
}

// decimal is a number by its digits: 0.95 has the digits "95" and the exponent -2.
type decimal struct {
	negative bool
	digits   string // without leading zeros, but "0" for zero
	exponent int
}

func parseDecimal(literal string) (d decimal, ok bool) {
	rest := literal
	if rest != "" && (rest[0] == '-' || rest[0] == '+') {
		d.negative = rest[0] == '-'
		rest = rest[1:]
	}
	if at := strings.IndexAny(rest, "eE"); at >= 0 {
		e, err := strconv.Atoi(rest[at+1:])
		const far = 1000 // more zeros than any percentage has
		if err != nil || e > far || e < -far {
			return d, false
		}
		d.exponent, rest = e, rest[:at]
	}
	whole, fraction, _ := strings.Cut(rest, ".")
	d.exponent -= len(fraction)
	d.digits = whole + fraction
	if d.digits == "" || strings.Trim(d.digits, "0123456789") != "" {
		return d, false
	}
	if d.digits = strings.TrimLeft(d.digits, "0"); d.digits == "" {
		d.digits = "0"
	}
	return d, true
}

// shorten drops zeros at the end of the fraction. A JSON number means its value:
// 0.9500 is 0.95 there, while the string "0.9500" has four decimals.
func (d *decimal) shorten() {
	if d.digits == "0" {
		d.exponent = 0
		return
	}
	for d.exponent < 0 && strings.HasSuffix(d.digits, "0") {
		d.digits = d.digits[:len(d.digits)-1]
		d.exponent++
	}
}

// fits reports whether d has at most four digits, three behind the point and one
// before it. Zeros between the point and the first digit count.
func (d *decimal) fits() bool {
	if d.exponent >= 0 {
		n := len(d.digits) + d.exponent
		return n <= percentDigits-percentDecimals
	}
	decimals := -d.exponent
	whole := max(len(d.digits)-decimals, 0)
	return decimals <= percentDecimals && whole <= percentDigits-percentDecimals
}

// fixed writes d, which fits, with three decimals.
func (d *decimal) fixed() string {
	s := d.digits + strings.Repeat("0", percentDecimals+d.exponent)
	if missing := percentDecimals + 1 - len(s); missing > 0 {
		s = strings.Repeat("0", missing) + s
	}
	point := len(s) - percentDecimals
	s = s[:point] + "." + s[point:]
	if d.negative {
		return "-" + s
	}
	return s
}
