package routes

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"registrar/internal/registrar"
)

// cacheStatus says in the words of RFC 9211 whether the answer came from the
// cache, and for how many more seconds its first part to expire stays fresh.
func cacheStatus(p parts) string {
	status := "registrar; hit"
	switch {
	case p.Hit():
	// A source was asked in vain, and what it said before stands in.
	case slices.ContainsFunc(p.Sources, standsIn):
		status = "registrar; fwd=stale"
	// What was fetched is kept, but a hole is not: the next request asks again.
	case p.Complete():
		return "registrar; fwd=miss; stored" + staleness(p)
	default:
		return "registrar; fwd=miss" + staleness(p)
	}
	if ttl, ok := shortest(p.Sources); ok {
		status += "; ttl=" + strconv.FormatInt(ttl, 10)
	}
	return status + staleness(p)
}

// standsIn reports whether s is an old answer in place of one that this request
// waited for and did not get.
func standsIn(s registrar.Source) bool { return !s.Hit && s.State == registrar.SourceStale }

// staleness is the only word of stale parts in answers that list no sources,
// which a table in CSV or NDJSON does not.
func staleness(p parts) string {
	if p.Stale() {
		return "; detail=stale"
	}
	return ""
}

// shortest is the time in seconds until the first cached part expires. The link
// store is not a cache: what it says holds until it says otherwise.
func shortest(sources []registrar.Source) (ttl int64, ok bool) {
	for _, s := range sources {
		if s.FetchedAt.IsZero() || s.State == registrar.SourceFailed || s.Name == registrar.FromLinkstore {
			continue
		}
		left := int64(s.ExpiresIn / time.Second)
		if !ok || left < ttl {
			ttl, ok = left, true
		}
	}
	return ttl, ok
}

// serverTiming tells, per source name, the longest wait in milliseconds. A
// program with fifty course runs has hundreds of sources; the header has one
// entry for each of the eight names at most.
func serverTiming(sources []registrar.Source) string {
	var names []registrar.SourceName
	longest := make(map[registrar.SourceName]time.Duration)
	for _, s := range sources {
		if !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
		longest[s.Name] = max(longest[s.Name], s.Took)
	}
	entries := make([]string, len(names))
	for i, name := range names {
		// The same tenth of a millisecond that browsers show.
		ms := float64(longest[name].Microseconds()) / 1000
		entries[i] = string(name) + ";dur=" + strconv.FormatFloat(ms, 'f', 1, 64)
	}
	return strings.Join(entries, ", ")
}
