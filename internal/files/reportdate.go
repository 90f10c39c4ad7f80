package files

import (
	"strings"
	"time"

	"registrar/internal/registrar"
)

// dateIn reads when a report was made from its name, such as
// "individual_report__2019-12-18.csv": a date behind two underscores, and behind
// the date anything but a further digit. The last one counts.
func dateIn(name string) (time.Time, bool) {
	for at := strings.LastIndex(name, "__"); at >= 0; at = strings.LastIndex(name[:at+1], "__") {
		// Of three underscores the last two are tried first.
		if day, ok := leadingDate(name[at+2:]); ok {
			return day, true
		}
	}
	return time.Time{}, false
}

func leadingDate(text string) (time.Time, bool) {
	end, dashes := 0, 0
	for end < len(text) && (isDigit(text[end]) || text[end] == '-' && dashes < 2) {
		if text[end] == '-' {
			dashes++
		}
		end++
	}
	day, err := registrar.ParseDate(text[:end])
	return day, err == nil
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }
