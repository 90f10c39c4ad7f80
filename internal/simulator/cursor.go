package simulator

import (
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
)

// Cursor is a place in a listing, as REST framework's cursor pagination writes
// it into its links.
type Cursor struct {
	Position string // value of the ordering column of the last row seen; "" is the start
	Offset   int    // rows to skip from there
	Reverse  bool   // the page before the position, not the one after
}

// Encode gives the text of the cursor parameter: base64 over a query string,
// members that say nothing left out.
func (c Cursor) Encode() string {
	var parts []string
	if c.Offset != 0 {
		parts = append(parts, "o="+strconv.Itoa(c.Offset))
	}
	if c.Reverse {
		parts = append(parts, "r=1")
	}
	if c.Position != "" {
		parts = append(parts, "p="+url.QueryEscape(c.Position))
	}
	return base64.StdEncoding.EncodeToString([]byte(strings.Join(parts, "&")))
}

// maxOffset caps the offset of a cursor, so that nobody can ask for a deep scan.
const maxOffset = 1000

// DecodeCursor reads a cursor parameter; false means a broken one. Like Python's
// decoder it overlooks characters that are not base64.
func DecodeCursor(text string) (Cursor, bool) {
	raw, err := base64.StdEncoding.DecodeString(strings.Map(base64Only, text))
	if err != nil {
		return Cursor{}, false
	}
	tokens, err := url.ParseQuery(string(raw))
	if err != nil {
		return Cursor{}, false
	}
	c := Cursor{Position: tokens.Get("p")}
	if tokens.Has("p") && c.Position == "" {
		return Cursor{}, false
	}
	if tokens.Has("o") {
		c.Offset, err = strconv.Atoi(tokens.Get("o"))
		if err != nil || c.Offset < 0 {
			return Cursor{}, false
		}
		c.Offset = min(c.Offset, maxOffset)
	}
	if tokens.Has("r") {
		n, err := strconv.Atoi(tokens.Get("r"))
		if err != nil {
			return Cursor{}, false
		}
		c.Reverse = n != 0
	}
	return c, true
}

func base64Only(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("+/=", r):
		return r
	}
	return -1
}
