package upstream

import (
	"sync"
	"time"
)

// door keeps callers from waiting for shared books that are away: after a
// failure it is shut for a second, and then one caller tries it.
type door struct {
	mu     sync.Mutex
	shut   bool
	trying bool
	until  time.Time
}

// doorRest is how long the shared books are left alone after a failure.
const doorRest = time.Second

// visit is one use of the door; the zero value was turned away.
type visit struct{ inside, trial bool }

// doorChange is what one visit changed.
type doorChange int

const (
	doorAsBefore doorChange = iota
	doorShut
	doorOpened
)

// enter lets the caller in or turns it away. Who was let in calls leave.
func (d *door) enter() visit {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.shut {
		return visit{inside: true}
	}
	if d.trying || time.Now().Before(d.until) {
		return visit{}
	}
	d.trying = true
	return visit{inside: true, trial: true}
}

// outcome is how a visit went.
type outcome int

const (
	visitWell outcome = iota
	visitFailed
	visitSilent // its caller left, which says nothing of the books
)

// leave ends v. Only a trial opens a shut door: an older visit may have begun in
// better times.
func (d *door) leave(v visit, how outcome) doorChange {
	d.mu.Lock()
	defer d.mu.Unlock()
	was := d.shut
	if v.trial {
		d.trying = false
	}
	switch {
	case how == visitFailed:
		d.shut, d.until = true, time.Now().Add(doorRest)
	case how == visitWell && v.trial:
		d.shut = false
	}
	switch {
	case !was && d.shut:
		return doorShut
	case was && !d.shut:
		return doorOpened
	}
	return doorAsBefore
}

func (d *door) isShut() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.shut
}
