package enroll

import (
	"encoding/json"
	"maps"
	"slices"

	"registrar/internal/registrar"
)

// plan is what is to be sent of a write. The same write makes the same plan.
type plan struct {
	keys    []registrar.StudentKey // each submitted key once
	batches []batch
	// duplicated are the keys that came more than once, of which nothing is sent.
	duplicated map[registrar.StudentKey]bool
	// twins tells that two keys differ by spelling alone. The LMS takes them for
	// one learner, and two requests at once for one learner may both fail there.
	twins bool
}

// batch is what one request holds, in the order of the input.
type batch struct {
	number int
	rows   []int                  // which enrollments of the write
	keys   []registrar.StudentKey // of these
}

// planOf compares keys exactly: "A" and "a" are two results to the caller.
func planOf(w registrar.EnrollmentWrite) plan {
	times := make(map[registrar.StudentKey]int)
	for i := range w.Len() {
		times[w.Key(i)]++
	}
	p := plan{keys: slices.Collect(maps.Keys(times)), duplicated: make(map[registrar.StudentKey]bool)}
	folded := make(map[registrar.StudentKey]bool, len(times))
	for i := range w.Len() {
		key := w.Key(i)
		if times[key] > 1 {
			p.duplicated[key] = true
			continue
		}
		p.twins = p.twins || folded[key.Fold()]
		folded[key.Fold()] = true
		p.add(i, key)
	}
	return p
}

func (p *plan) add(row int, key registrar.StudentKey) {
	last := len(p.batches) - 1
	if last < 0 || len(p.batches[last].rows) == registrar.MaxWriteItems {
		last++
		p.batches = append(p.batches, batch{number: last})
	}
	b := &p.batches[last]
	b.rows, b.keys = append(b.rows, row), append(b.keys, key)
}

// items makes what is sent of b.
func (b batch) items(w registrar.EnrollmentWrite) []registrar.WriteItem {
	items := make([]registrar.WriteItem, len(b.rows))
	for i, row := range b.rows {
		items[i] = w.Item(row)
	}
	return items
}

// within returns copies of the items with the curriculum in each, whatever the
// caller wrote there. The caller's own items stay as they are.
func within(curriculum registrar.CurriculumUUID, items []registrar.WriteItem) ([]registrar.WriteItem, error) {
	uuid, err := json.Marshal(curriculum)
	if err != nil {
		return nil, err
	}
	placed := make([]registrar.WriteItem, len(items))
	for i, item := range items {
		placed[i] = make(registrar.WriteItem, len(item)+1)
		maps.Copy(placed[i], item)
		placed[i]["curriculum_uuid"] = uuid
	}
	return placed, nil
}
