package jobs

import (
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"registrar/internal/registrar"
)

// cell is one value of a row, under its name.
type cell struct {
	name string
	kind cellKind
	text string
}

type cellKind uint8

const (
	noCell cellKind = iota // null in JSON, empty in CSV
	textCell
	yesCell
	noFlagCell
)

func text(name, value string) cell { return cell{name: name, kind: textCell, text: value} }

func flag(name string, value bool) cell {
	if value {
		return cell{name: name, kind: yesCell}
	}
	return cell{name: name, kind: noFlagCell}
}

// sheet is the byte-exact form of a result file. Its rows are made apart from the
// file that they go to, so that several course runs can be made ready at a time.
type sheet struct {
	format registrar.FileFormat
	header []string // of the CSV
}

// appendRow adds a row to a piece of the file. Pieces are whole rows, each with
// what separates it from the row before.
func (s sheet) appendRow(piece []byte, row []cell) []byte {
	if s.format == registrar.CSVFile {
		return appendCSV(piece, row)
	}
	return appendJSON(piece, row)
}

// contentType is what the file is served as.
func (s sheet) contentType() string {
	if s.format == registrar.CSVFile {
		return "text/csv; charset=utf-8"
	}
	return "application/json"
}

// sheetFile writes pieces to a file.
type sheetFile struct {
	sheet sheet
	w     io.Writer
	begun bool // the JSON array has an item
}

// open writes what stands before the first row.
func (f *sheetFile) open() error {
	if f.sheet.format != registrar.CSVFile {
		return nil
	}
	row := make([]cell, len(f.sheet.header))
	for i, name := range f.sheet.header {
		row[i] = text(name, name)
	}
	_, err := f.w.Write(appendCSV(nil, row))
	return err
}

// add writes a piece, and may change it.
func (f *sheetFile) add(piece []byte) error {
	if len(piece) == 0 {
		return nil
	}
	if f.sheet.format != registrar.CSVFile && !f.begun {
		piece[0] = '[' // in place of the comma
		f.begun = true
	}
	_, err := f.w.Write(piece)
	return err
}

// close writes what stands behind the last row.
func (f *sheetFile) close() error {
	end := ""
	switch {
	case f.sheet.format == registrar.CSVFile:
	case f.begun:
		end = "\n]"
	default:
		end = "[]"
	}
	_, err := io.WriteString(f.w, end)
	return err
}

// appendCSV writes a line as Python's csv module does by default: encoding/csv
// would quote leading blanks and `\.` too.
func appendCSV(line []byte, row []cell) []byte {
	for i, c := range row {
		if i > 0 {
			line = append(line, ',')
		}
		switch c.kind {
		case noCell:
		case yesCell:
			line = append(line, "True"...)
		case noFlagCell:
			line = append(line, "False"...)
		case textCell:
			line = appendField(line, c.text)
		}
	}
	return append(line, "\r\n"...)
}

func appendField(line []byte, field string) []byte {
	if !strings.ContainsAny(field, ",\"\r\n") {
		return append(line, field...)
	}
	line = append(line, '"')
	line = append(line, strings.ReplaceAll(field, `"`, `""`)...)
	return append(line, '"')
}

// appendJSON writes an item of an array, with the comma before it, as Python's
// json module does with an indent of four.
func appendJSON(item []byte, row []cell) []byte {
	item = append(item, ",\n    {"...)
	for i, c := range row {
		if i > 0 {
			item = append(item, ',')
		}
		item = append(item, "\n        "...)
		item = appendString(item, c.name)
		item = append(item, ": "...)
		switch c.kind {
		case noCell:
			item = append(item, "null"...)
		case yesCell:
			item = append(item, "true"...)
		case noFlagCell:
			item = append(item, "false"...)
		case textCell:
			item = appendString(item, c.text)
		}
	}
	return append(item, "\n    }"...)
}

// appendString writes a JSON string in ASCII. encoding/json would escape "<", ">"
// and "&", and leave DEL and everything above it as it is.
func appendString(out []byte, s string) []byte {
	out = append(out, '"')
	for i := 0; i < len(s); {
		if b := s[i]; b < utf8.RuneSelf {
			out = appendASCII(out, b)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
			out = appendUnit(appendUnit(out, uint16(high)), uint16(low))
			continue
		}
		out = appendUnit(out, uint16(r))
	}
	return append(out, '"')
}

func appendASCII(out []byte, b byte) []byte {
	switch b {
	case '"', '\\':
		return append(out, '\\', b)
	case '\n':
		return append(out, `\n`...)
	case '\r':
		return append(out, `\r`...)
	case '\t':
		return append(out, `\t`...)
	case '\b':
		return append(out, `\b`...)
	case '\f':
		return append(out, `\f`...)
	}
	if b < ' ' || b > '~' {
		return appendUnit(out, uint16(b))
	}
	return append(out, b)
}

// appendUnit writes one UTF-16 unit as an escape.
func appendUnit(out []byte, unit uint16) []byte {
	const digits = "0123456789abcdef"
	return append(out, '\\', 'u', digits[unit>>12], digits[unit>>8&15], digits[unit>>4&15], digits[unit&15])
}
