package routes

import "bytes"

// csvReader takes a CSV file apart as the original does, record by record.
// encoding/csv does not fit: it knows no other line ends than LF and CRLF, keeps
// those within quotes, refuses a quote in the middle of a cell, and skips a blank
// first line.
type csvReader struct {
	rest []byte // UTF-8, without a byte order mark
	text []byte // the cells of the current record, one after the other
	ends []int  // where each of them ends in text
	// count is how many cells the record has; those beyond the limit of the
	// last call are counted and not kept.
	count int
}

// next reads a record and keeps at most limit cells of it. A blank line is a
// record without cells. It returns false at the end of the file.
func (r *csvReader) next(limit int) bool {
	r.text, r.ends, r.count = r.text[:0], r.ends[:0], 0
	if len(r.rest) == 0 {
		return false
	}
	if width := lineBreak(r.rest); width > 0 {
		r.rest = r.rest[width:]
		return true
	}
	for more := true; more; {
		more = r.cell()
		r.count++
		if r.count <= limit {
			r.ends = append(r.ends, len(r.text))
		} else if len(r.ends) > 0 {
			r.text = r.text[:r.ends[len(r.ends)-1]]
		} else {
			r.text = r.text[:0]
		}
	}
	return true
}

// cell reads one cell and what ends it, and reports whether the record goes on.
func (r *csvReader) cell() (more bool) {
	if len(r.rest) > 0 && r.rest[0] == '"' {
		r.rest = r.rest[1:]
		r.quoted()
	}
	// What stands between a closing quote and the comma belongs to the cell; a
	// quote within an unquoted cell is a character like any other.
	for len(r.rest) > 0 {
		if width := lineBreak(r.rest); width > 0 {
			r.rest = r.rest[width:]
			return false
		}
		char := r.rest[0]
		r.rest = r.rest[1:]
		if char == ',' {
			return true
		}
		r.text = append(r.text, char)
	}
	return false
}

// quoted reads up to the closing quote, or to the end of the file when there is
// none. Line breaks within are swallowed.
func (r *csvReader) quoted() {
	for len(r.rest) > 0 {
		if width := lineBreak(r.rest); width > 0 {
			r.rest = r.rest[width:]
			continue
		}
		char := r.rest[0]
		r.rest = r.rest[1:]
		if char == '"' {
			if !bytes.HasPrefix(r.rest, []byte{'"'}) {
				return
			}
			r.rest = r.rest[1:]
		}
		r.text = append(r.text, char)
	}
}

// at returns cell i of the record, whether it has one. The bytes are valid until
// the next record.
func (r *csvReader) at(i int) ([]byte, bool) {
	if i < 0 || i >= len(r.ends) {
		return nil, false
	}
	begin := 0
	if i > 0 {
		begin = r.ends[i-1]
	}
	return r.text[begin:r.ends[i]], true
}

// lineBreak returns how many bytes the line break is long that text begins with,
// 0 when there is none. All that Unicode calls one is one.
func lineBreak(text []byte) int {
	switch text[0] {
	case '\n', '\v', '\f', 0x1c, 0x1d, 0x1e:
		return 1
	case '\r':
		if bytes.HasPrefix(text, []byte("\r\n")) {
			return 2
		}
		return 1
	case 0xc2: // U+0085
		if bytes.HasPrefix(text, []byte("\u0085")) {
			return 2
		}
	case 0xe2:
		if bytes.HasPrefix(text, []byte("\u2028")) || bytes.HasPrefix(text, []byte("\u2029")) {
			return 3
		}
	}
	return 0
}
