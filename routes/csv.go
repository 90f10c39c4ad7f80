package routes

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Go's csv writer quotes more than RFC 4180 asks for (a leading space, a lone
// backslash-dot) and rewrites line ends inside of cells, so this is our own.

// writeRecord appends one CSV line that ends in CRLF.
func writeRecord(out *bytes.Buffer, cells []string) {
	for i, cell := range cells {
		if i > 0 {
			out.WriteByte(',')
		}
		if !strings.ContainsAny(cell, ",\"\r\n") {
			out.WriteString(cell)
			continue
		}
		out.WriteByte('"')
		out.WriteString(strings.ReplaceAll(cell, `"`, `""`))
		out.WriteByte('"')
	}
	out.WriteString("\r\n")
}

// cellText is a cell of free text. A spreadsheet runs a cell that begins like a
// formula; a leading apostrophe makes it text. Numbers never come through here:
// a minus is theirs.
func cellText[T ~string](text *T) string {
	if text == nil {
		return ""
	}
	if startsFormula(string(*text)) {
		return "'" + string(*text)
	}
	return string(*text)
}

// startsFormula looks behind leading blanks, which some spreadsheets cut off, and
// knows the wide signs that others take for the narrow ones.
func startsFormula(text string) bool {
	trimmed := strings.TrimLeftFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || r == '\ufeff' // a byte order mark
	})
	first, _ := utf8.DecodeRuneInString(trimmed)
	return strings.ContainsRune("=+-@＝＋－＠", first) || strings.IndexAny(text, "\t\r\n") == 0
}

func cellNumber(n *json.Number) string {
	if n == nil {
		return ""
	}
	return n.String()
}

func cellCount(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

func cellBool(b *bool) string {
	if b == nil {
		return ""
	}
	return strconv.FormatBool(*b)
}
