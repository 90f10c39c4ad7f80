package registrar

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// ReportFile is a file about a program that somebody left for its school to
// fetch. It has nothing to do with a [Report].
type ReportFile struct {
	Name    string
	Created time.Time // the day, in UTC
	URL     string    // where it can be fetched for a while
}

// ParseDate reads a day of the form YYYY-MM-DD, as midnight in UTC. Month and day
// may have one digit, as in the original.
func ParseDate(text string) (time.Time, error) {
	parts := strings.Split(text, "-")
	if len(parts) != 3 || len(parts[0]) != 4 {
		return time.Time{}, errDate()
	}
	var number [3]int
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 16) // takes no sign
		if err != nil || i > 0 && len(part) > 2 {
			return time.Time{}, errDate()
		}
		number[i] = int(n)
	}
	day := time.Date(number[0], time.Month(number[1]), number[2], 0, 0, 0, 0, time.UTC)
	// A day that is none, such as 31 June, comes back as another one.
	if number[0] == 0 || day.Month() != time.Month(number[1]) || day.Day() != number[2] {
		return time.Time{}, errDate()
	}
	return day, nil
}

func errDate() error {
	return Fail(Invalid, "A date has the form YYYY-MM-DD.", errors.New("registrar: malformed date"))
}
