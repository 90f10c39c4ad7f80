package simulator

import (
	"fmt"
	"math/bits"
)

// dice is a seeded source of equal answers to equal questions: the world is not
// stored, it is asked for.
type dice struct{ seed uint64 }

// roll mixes what is asked about into 64 even bits.
func (d dice) roll(what string, numbers ...int) uint64 {
	h := d.seed*0x9e3779b97f4a7c15 ^ 0xcbf29ce484222325
	for i := range len(what) {
		h = (h ^ uint64(what[i])) * 0x100000001b3
	}
	for _, n := range numbers {
		h = bits.RotateLeft64(h, 23) ^ uint64(n)*0xd6e8feb86659fd93
	}
	// The finish of splitmix64: without it neighbouring learners look alike.
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// percent reports whether a thing that holds for p of a hundred holds here.
func (d dice) percent(p uint64, what string, numbers ...int) bool {
	return d.roll(what, numbers...)%100 < p
}

// uuid makes a version 4 look-alike.
func (d dice) uuid(what string, numbers ...int) string {
	a, b := d.roll(what, numbers...), d.roll(what+"'", numbers...)
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x",
		a>>32, a>>16&0xffff, a&0xfff, b>>48&0x3fff|0x8000, b&0xffffffffffff)
}
