package aggregate

import (
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"registrar/internal/registrar"
)

// Tag names something that kept parts are about, for [Composer.Drop].
type Tag struct{ kind, owner, name string }

// ProgramTag is on every part of p, Discovery's details too.
func ProgramTag(p registrar.Program) Tag { return Tag{kind: "program", name: string(p.UUID)} }

// EnrollmentsTag is on the enrollment listing of p alone.
func EnrollmentsTag(p registrar.Program) Tag { return Tag{kind: "enrollments", name: string(p.UUID)} }

// RunTag is on every part about one course run, in any program.
func RunTag(run registrar.CourseKey) Tag { return Tag{kind: "run", name: run.String()} }

// LearnerTag is on every part about one learner of a school, in any program of
// the school. The spelling of the key does not matter.
func LearnerTag(school registrar.OrganizationKey, key registrar.StudentKey) Tag {
	return Tag{kind: "learner", owner: string(school), name: string(key.Fold())}
}

// AllTag is on every part.
func AllTag() Tag { return Tag{kind: "all"} }

// Text is t for a shared cache: the kind and a digest, for a name may be a
// person's.
func (t Tag) Text() string {
	return t.kind + ":" + fingerprint(fmt.Appendf(nil, "%q %q", t.owner, t.name))
}

// generations remembers when each tag was last dropped. An entry is good if it
// was begun after every drop of its tags: so a drop takes no search, and a fetch
// that a drop overtook is never used, wherever it has got to.
//
// Tags share a fixed number of slots by hash. Two that meet in one slot drop
// each other's entries, which costs a fetch and harms nothing.
type generations struct {
	seed  maphash.Seed
	mu    sync.Mutex // drops go one by one, or a slot could step back
	clock atomic.Uint64
	slots [1 << 13]atomic.Uint64
	floor atomic.Uint64 // when everything was last dropped
}

func (g *generations) now() uint64 { return g.clock.Load() }

// slotsOf takes the texts of tags, for other processes name them by these.
func (g *generations) slotsOf(tags []string) []uint16 {
	slots := make([]uint16, len(tags))
	for i, t := range tags {
		slots[i] = uint16(maphash.String(g.seed, t) % uint64(len(g.slots)))
	}
	return slots
}

func (g *generations) drop(tags []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Add(1)
	for _, slot := range g.slotsOf(tags) {
		g.slots[slot].Store(now)
	}
}

func (g *generations) dropAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.floor.Store(g.clock.Add(1))
}

// valid reports whether nothing with these slots was dropped since born.
func (g *generations) valid(born uint64, slots []uint16) bool {
	if g.floor.Load() > born {
		return false
	}
	for _, slot := range slots {
		if g.slots[slot].Load() > born {
			return false
		}
	}
	return true
}
