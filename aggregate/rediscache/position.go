package rediscache

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"registrar/aggregate"
)

// position is how far the drops of the cluster have come: the epoch, and how
// many there were. The number goes on from one epoch to the next.
type position struct {
	epoch  string
	number int64
}

func parsePosition(text string) (position, bool) {
	epoch, number, ok := strings.Cut(text, " ")
	n, err := strconv.ParseInt(number, 10, 64)
	return position{epoch: epoch, number: n}, ok && err == nil && epoch != ""
}

// readPosition reads the answer of a script.
func readPosition(reply []any) (position, bool) {
	if len(reply) != 2 {
		return position{}, false
	}
	epoch, okEpoch := reply[0].(string)
	number, okNumber := reply[1].(int64)
	return position{epoch: epoch, number: number}, okEpoch && okNumber
}

// follows reports whether p comes right after q with nothing dropped: Redis had
// only lost its memory.
func (p position) follows(q position) bool {
	return p.number == q.number+1 && strings.HasPrefix(p.epoch, "r"+strconv.FormatInt(p.number, 10)+"x")
}

// message tells of one drop, or of a restored position when it has no tags.
type message struct {
	position
	by   string
	tags []string
}

// parseMessage reads "number epoch by tags…".
func parseMessage(text string) (message, bool) {
	words := strings.Fields(text)
	if len(words) < 3 {
		return message{}, false
	}
	n, err := strconv.ParseInt(words[0], 10, 64)
	return message{position: position{epoch: words[1], number: n}, by: words[2], tags: words[3:]}, err == nil
}

// place is the position up to which this process has followed: it has forgotten
// everything that was dropped until there.
type place struct {
	// forget drops tags in this process. It is called under the lock, so that no
	// position is passed before its drop is done.
	forget func(tags []string)
	counts *counters

	mu        sync.Mutex
	at        position
	told      position // the last that a drop of our own was given
	listening bool
	suspect   int64 // a number that was seen before its message came
	since     time.Time
}

// now returns the position; false while nothing is known.
func (p *place) now() (position, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at, p.at != position{}
}

// floor is the position that Redis must not fall behind.
func (p *place) floor() position {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.told.number > p.at.number {
		return p.told
	}
	return p.at
}

// raise notes a drop of our own. With none of others before it, its message
// need not be waited for.
func (p *place) raise(told position) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if told.number > p.told.number {
		p.told = told
	}
	if told.number == p.at.number+1 {
		p.at = told
	}
}

// hear follows one message. Messages of our own were done when they were sent.
func (p *place) hear(m message, me string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at == (position{}) {
		return // everything will be forgotten with the first position
	}
	switch {
	case m.number > p.at.number+1:
		p.forgetAll() // some were missed
	case m.by != me && len(m.tags) > 0:
		p.counts.followed.Add(1)
		p.forget(m.tags)
	}
	if m.number > p.at.number {
		p.at = m.position
	}
}

// listen says whether messages come in now.
func (p *place) listen(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listening = on
}

func (p *place) hears() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.listening
}

// settle compares with the position that Redis has. Behind it, messages were
// missed, unless they are still under way; late says that they cannot be.
func (p *place) settle(seen position, late bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.at == position{}:
		p.forgetAll() // what was dropped before is not known
	case seen == p.at, seen.number < p.at.number:
		return // the latter was overtaken by a message
	case seen.follows(p.at):
	case !late && p.listening && p.underWay(seen.number):
		return
	default:
		p.forgetAll()
	}
	p.at = seen
}

// underWay reports whether the message of number may still come.
func (p *place) underWay(number int64) bool {
	if p.suspect <= p.at.number {
		p.suspect, p.since = number, time.Now()
	}
	return time.Since(p.since) < transit
}

func (p *place) forgetAll() {
	if p.at != (position{}) {
		p.counts.forgets.Add(1)
	}
	p.forget([]string{aggregate.AllTag().Text()})
}

// pace is how long the follower may rest before it looks at the position again.
func (p *place) pace(beat time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.listening || p.suspect > p.at.number {
		return min(beat, transit)
	}
	return beat
}
