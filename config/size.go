package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes, written "32MiB", "16KiB" or as a bare number.
type Size int64

// sizePattern is what the schema tells editors; [Size.UnmarshalText] decides.
const sizePattern = `^[0-9]+(B|KiB|MiB|GiB)?$`

// String returns the size in the largest unit that divides it: "32MiB", "1000B".
func (s Size) String() string {
	units := sizeUnits()
	for _, unit := range units {
		if s != 0 && int64(s)%unit.bytes == 0 {
			return strconv.FormatInt(int64(s)/unit.bytes, 10) + unit.name
		}
	}
	return "0B"
}

// MarshalText writes the form of [Size.String].
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a whole number with an optional unit. The decimal units kB
// and MB are refused: half of those who write them mean the binary ones.
func (s *Size) UnmarshalText(text []byte) error {
	number, factor := string(text), int64(1)
	for _, unit := range sizeUnits() {
		if rest, ok := strings.CutSuffix(number, unit.name); ok {
			number, factor = rest, unit.bytes
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimRight(number, " "), 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/factor {
		return errors.New("want a whole number of bytes, or of KiB, MiB or GiB, such as 32MiB")
	}
	*s = Size(n * factor)
	return nil
}

type sizeUnit struct {
	name  string
	bytes int64
}

// sizeUnits goes from large to small; "B" is last because all others end in it.
func sizeUnits() []sizeUnit {
	return []sizeUnit{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}
}
