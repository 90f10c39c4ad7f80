package upstream

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter caps what an upstream may ask for. Discovery counts by the hour,
// so a longer wait is a mistake or malice.
const maxRetryAfter = time.Hour

// retryAfter reads how long an upstream asks to wait: from the header, in
// seconds or as a date, else from the sentence of Django REST framework, which
// the LMS's enrollment views send without a header. 0 means unknown.
func retryAfter(status int, header http.Header, body []byte, now time.Time) time.Duration {
	if d, ok := parseRetryAfter(header.Get("Retry-After"), now); ok {
		return d
	}
	if status == http.StatusTooManyRequests {
		return throttleText(body)
	}
	return 0
}

func parseRetryAfter(text string, now time.Time) (time.Duration, bool) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, false
	}
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		return capWait(time.Duration(seconds) * time.Second), true
	}
	if at, err := http.ParseTime(text); err == nil {
		return capWait(at.Sub(now)), true
	}
	return 0, false
}

// throttleText reads "Expected available in 37 seconds." under "detail" or
// "developer_message".
func throttleText(body []byte) time.Duration {
	var said struct {
		Detail           json.RawMessage `json:"detail"`
		DeveloperMessage json.RawMessage `json:"developer_message"`
	}
	if json.Unmarshal(body, &said) != nil {
		return 0
	}
	// Compiled here because a throttled call is rare, and a global is not wanted.
	number := regexp.MustCompile(`available in (\d{1,9}) second`)
	for _, text := range [][]byte{said.Detail, said.DeveloperMessage} {
		if m := number.FindSubmatch(text); m != nil {
			seconds, err := strconv.Atoi(string(m[1]))
			if err == nil {
				return capWait(time.Duration(seconds) * time.Second)
			}
		}
	}
	return 0
}

func capWait(d time.Duration) time.Duration { return min(max(d, 0), maxRetryAfter) }
