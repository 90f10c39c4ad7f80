package routes

import (
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// v1Query is the query of a request to v1 or v2. Of a parameter that comes more
// than once, the last value counts.
type v1Query map[string]string

// queryV1 reads the query with the original's patience: the Program Console
// sends what people type into its search box as it is, so a stray percent sign
// means itself.
func queryV1(c *fiber.Ctx) v1Query {
	return parseV1Query(string(c.Request().URI().QueryString()))
}

func parseV1Query(text string) v1Query {
	query := make(v1Query)
	for pair := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if pair != "" {
			query[lenient(name)] = lenient(value)
		}
	}
	return query
}

func (q v1Query) value(name string) string { return q[name] }

// lenient decodes what is encoded well and leaves the rest. Bytes that are no
// UTF-8 become the replacement character.
func lenient(text string) string {
	text = strings.ReplaceAll(text, "+", " ")
	var out strings.Builder
	for text != "" {
		at := strings.IndexByte(text, '%')
		if at < 0 {
			break
		}
		out.WriteString(text[:at])
		text = text[at:]
		raw := text[:min(3, len(text))]
		decoded, err := url.PathUnescape(raw)
		if err != nil {
			raw, decoded = "%", "%"
		}
		out.WriteString(decoded)
		text = text[len(raw):]
	}
	out.WriteString(text)
	return strings.ToValidUTF8(out.String(), "\uFFFD")
}
