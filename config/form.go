package config

import (
	"encoding/json"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// form says what a text must look like.
func form(tag string) string {
	switch tag {
	case "listen":
		return "HOST:PORT, such as 127.0.0.1:8080 or :8080"
	case "dsn":
		return "sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME"
	case "jwk_set":
		return `a JWK set: JSON text with a list "keys" that is not empty`
	case "jwks_url":
		return "https:// with a host, or http:// on this machine, without user or fragment"
	case "redis_url":
		return "redis://HOST:PORT/DATABASE or rediss://USER:PASSWORD@HOST:PORT/DATABASE"
	case "blob_url":
		return "file:FOLDER or s3://BUCKET?region=REGION"
	case "origin":
		return "an origin as browsers send it, such as https://console.example.org: small letters, no path, no port 443"
	case "rule_name":
		return "small letters, digits and dashes, at most 40, a letter first"
	case "query_name":
		return "a query name of letters, digits and - . _ ~"
	case "cookie_name":
		return "a cookie name of letters, digits and - . _ ~"
	case "member":
		return "none, or a member's name, or several with dots between them"
	case "cidr|ip":
		return "an IP address or a network such as 10.0.0.0/8"
	}
	return tag
}

func isListen(text string) bool {
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

func isBaseURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" &&
		u.User == nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}

// isDSN knows the schemes of the link store. "sqlite://x" is refused: the
// slashes would become part of the path and lead to the root.
func isDSN(text string) bool {
	if path, ok := strings.CutPrefix(text, "sqlite:"); ok {
		return path != "" && !strings.HasPrefix(path, "//")
	}
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql")
}

// isJWKSURL refuses keys that could be exchanged on their way.
func isJWKSURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func isRedisURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Hostname() == "" || u.Fragment != "" {
		return false
	}
	database := strings.Trim(u.Path, "/")
	_, err = strconv.ParseUint(database, 10, 16)
	return database == "" || err == nil
}

// isBlobURL knows the places that files can be kept in. A folder is named as the
// link store's file is, without slashes in front that would lead to the root.
func isBlobURL(text string) bool {
	if folder, ok := strings.CutPrefix(text, "file:"); ok {
		return folder != "" && !strings.HasPrefix(folder, "//")
	}
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "s3" && u.Hostname() != "" && u.User == nil
}

// isOrigin takes only what a browser would send, for it is compared exactly.
// "*" is refused: answers may carry a user's data.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || text != strings.ToLower(u.Scheme+"://"+u.Host) {
		return false
	}
	return u.Scheme == "https" && u.Port() != "443" || u.Scheme == "http" && u.Port() != "80"
}

// isRuleName keeps a name fit for a metric's label.
func isRuleName(text string) bool {
	const most = 40
	for i, r := range text {
		letter := r >= 'a' && r <= 'z'
		if !letter && (i == 0 || r != '-' && (r < '0' || r > '9')) {
			return false
		}
	}
	return len(text) <= most
}

// isPlain takes what means itself in every URL. Dots alone climb.
func isPlain(text string) bool {
	return strings.Trim(text, ".") != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return !isLetterOrDigit(r) && !strings.ContainsRune("-._~", r)
	})
}

func isMember(text string) bool {
	for name := range strings.SplitSeq(text, ".") {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !isLetterOrDigit(r) && r != '-' && r != '_' }) {
			return false
		}
	}
	return true
}

func isLetterOrDigit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

func isJWKSet(text string) bool {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	return json.Unmarshal([]byte(text), &set) == nil && len(set.Keys) > 0
}
