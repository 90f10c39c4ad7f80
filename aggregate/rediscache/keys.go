package rediscache

import "strconv"

// format is the version of how a part is packed. Replicas of two releases share
// a Redis during an upgrade: positions and marks they share, so that drops reach
// both; parts they do not.
const format = "1"

// keys are the names of things in Redis.
type keys struct{ prefix, position, channel string }

func newKeys(prefix string, db int) keys {
	return keys{
		prefix:   prefix + ":cache:",
		position: prefix + ":cache:position",
		// Channels are common to all databases of a server.
		channel: prefix + ":cache:drops:" + strconv.Itoa(db),
	}
}

func (k keys) part(key string) string  { return k.prefix + "part:" + format + ":" + key }
func (k keys) lease(key string) string { return k.prefix + "lease:" + format + ":" + key }

// marks appends the names of the marks of tags to names.
func (k keys) marks(names []string, tags []string) []string {
	for _, t := range tags {
		names = append(names, k.prefix+"mark:"+t)
	}
	return names
}
