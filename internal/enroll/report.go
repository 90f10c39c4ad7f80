package enroll

import (
	"maps"
	"slices"

	"registrar/internal/registrar"
)

// report joins the answers to the batches of p, in their order: a later answer
// has the last word on a key, whoever sent it. It also counts the strangers, the
// keys that the LMS named and nobody submitted.
func (p plan) report(answers []registrar.WriteAnswer) (report registrar.WriteReport, strangers int) {
	codes := make(map[registrar.StudentKey]string, len(p.keys))
	for _, key := range p.keys {
		codes[key] = registrar.InternalError
		if p.duplicated[key] {
			codes[key] = registrar.Duplicated
		}
	}
	report.Bad = len(p.duplicated) > 0
	for _, a := range answers {
		report.Good = report.Good || isGood(a)
		report.Bad = report.Bad || a.Status != 200 && a.Status != 201
	}
	named := overlay(codes, answers)
	report.Results = append(sorted(codes), sorted(named)...)
	return report, len(named)
}

// overlay writes what the answers say over the codes of the submitted keys, and
// returns what they say of others.
func overlay(codes map[registrar.StudentKey]string, answers []registrar.WriteAnswer) map[registrar.StudentKey]string {
	strangers := make(map[registrar.StudentKey]string)
	for _, a := range answers {
		for key, code := range a.Results {
			if _, submitted := codes[key]; submitted {
				codes[key] = code
			} else {
				strangers[key] = code
			}
		}
	}
	return strangers
}

// sorted lists codes by code point, which is the order of UTF-8's bytes.
func sorted(codes map[registrar.StudentKey]string) []registrar.WriteResult {
	results := make([]registrar.WriteResult, 0, len(codes))
	for _, key := range slices.Sorted(maps.Keys(codes)) {
		results = append(results, registrar.WriteResult{StudentKey: key, Code: codes[key]})
	}
	return results
}
