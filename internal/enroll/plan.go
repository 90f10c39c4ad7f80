package enroll

import (
	"encoding/json"
	"maps"
	"slices"

	"registrar/internal/registrar"
)

// plan is what is to be sent of a write. The same items make the same plan.
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
	items  []registrar.WriteItem
	keys   []registrar.StudentKey // of the items
}

// planOf compares keys exactly: "A" and "a" are two results to the caller.
func planOf(items []registrar.WriteItem) plan {
	keys := make([]registrar.StudentKey, len(items))
	times := make(map[registrar.StudentKey]int, len(items))
	for i, item := range items {
		keys[i] = item.StudentKey()
		times[keys[i]]++
	}
	p := plan{keys: slices.Collect(maps.Keys(times)), duplicated: make(map[registrar.StudentKey]bool)}
	folded := make(map[registrar.StudentKey]bool, len(times))
	for i, item := range items {
		if times[keys[i]] > 1 {
			p.duplicated[keys[i]] = true
			continue
		}
		p.twins = p.twins || folded[keys[i].Fold()]
		folded[keys[i].Fold()] = true
		p.add(item, keys[i])
	}
	return p
}

func (p *plan) add(item registrar.WriteItem, key registrar.StudentKey) {
	last := len(p.batches) - 1
	if last < 0 || len(p.batches[last].items) == registrar.MaxWriteItems {
		last++
		p.batches = append(p.batches, batch{number: last})
	}
	b := &p.batches[last]
	b.items, b.keys = append(b.items, item), append(b.keys, key)
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
