package aggregate

import (
	"encoding/json"

	"registrar/internal/registrar"
)

// encoding is the version of what the codecs write. Raise it with every change
// of a part's encoded form: processes of two releases share a [Tier] during an
// upgrade, and must not read each other's parts.
const encoding = "1"

// codec encodes a part for its digest, its weight and the shared tier. What
// comes back equals what went in.
type codec[T any] struct {
	encode func(T) ([]byte, error)
	decode func([]byte) (T, error)
}

// plain encodes T as encoding/json does.
func plain[T any]() codec[T] {
	return codec[T]{
		encode: func(v T) ([]byte, error) { return json.Marshal(v) },
		decode: func(data []byte) (T, error) {
			var v T
			err := json.Unmarshal(data, &v)
			return v, err
		},
	}
}

// via encodes T as its wire form W.
func via[T, W any](to func(T) W, from func(W) T) codec[T] {
	wire := plain[W]()
	return codec[T]{
		encode: func(v T) ([]byte, error) { return wire.encode(to(v)) },
		decode: func(data []byte) (T, error) {
			w, err := wire.decode(data)
			return from(w), err
		},
	}
}

// gradeWire is a grade with its percent as a text: encoding/json would write the
// empty number of a failed row as 0.
type gradeWire struct {
	Letter  string
	Percent string
	Passed  bool
}

func toGradeWire(g registrar.Grade) gradeWire {
	return gradeWire{Letter: g.Letter, Percent: g.Percent.String(), Passed: g.Passed}
}

func fromGradeWire(w gradeWire) registrar.Grade {
	return registrar.Grade{Letter: w.Letter, Percent: json.Number(w.Percent), Passed: w.Passed}
}

type gradeRowWire struct {
	StudentKey registrar.StudentKey
	Grade      gradeWire
	Failed     bool
}

func gradeCodec() codec[registrar.Grade] { return via(toGradeWire, fromGradeWire) }

func gradeRowsCodec() codec[[]registrar.GradeRow] {
	return via(
		func(rows []registrar.GradeRow) []gradeRowWire {
			return mapped(rows, func(r registrar.GradeRow) gradeRowWire {
				return gradeRowWire{StudentKey: r.StudentKey, Grade: toGradeWire(r.Grade), Failed: r.Failed}
			})
		},
		func(wire []gradeRowWire) []registrar.GradeRow {
			return mapped(wire, func(w gradeRowWire) registrar.GradeRow {
				return registrar.GradeRow{StudentKey: w.StudentKey, Grade: fromGradeWire(w.Grade), Failed: w.Failed}
			})
		},
	)
}

// mapped never returns nil, so an empty listing has one form only.
func mapped[A, B any](in []A, f func(A) B) []B {
	out := make([]B, len(in))
	for i, a := range in {
		out[i] = f(a)
	}
	return out
}
