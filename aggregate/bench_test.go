package aggregate_test

import (
	"fmt"
	"testing"

	"registrar/aggregate"
	"registrar/internal/registrar"
)

// crowd is campus with ten thousand learners.
func crowd(b *testing.B) *world {
	b.Helper()
	rows := make([]registrar.ProgramEnrollment, 0, 10_000)
	for i := range cap(rows) {
		rows = append(rows, linked(registrar.StudentKey(fmt.Sprintf("S-%d", i)), registrar.Username(fmt.Sprintf("user%d", i))))
	}
	w := campus(b)
	w.enrollments = listed(rows...)
	return w
}

func BenchmarkHit(b *testing.B) {
	c := compose(b, crowd(b), aggregate.Config{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Learners(b.Context(), masters()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRecordFromCachedParts(b *testing.B) {
	c := compose(b, crowd(b), aggregate.Config{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Record(b.Context(), masters(), "S-1", everything()); err != nil {
			b.Fatal(err)
		}
	}
}
