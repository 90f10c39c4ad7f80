package jobs

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"registrar/internal/registrar"
)

// Whatever is in a cell, the file means it, by the judgement of readers that are
// not ours.
func TestSheetsMeanWhatTheyWereGiven(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.SliceOfN(rapid.StringMatching(`[a-z ,"\\/<>&é😀\x{7f}\n.]{0,8}`), 2, 2), 0, 5).Draw(t, "rows")
		for _, format := range []registrar.FileFormat{registrar.CSVFile, registrar.JSONFile} {
			var b strings.Builder
			file := &sheetFile{sheet: sheet{format: format, header: []string{"a", "b"}}, w: &b}
			if err := file.open(); err != nil {
				t.Fatal(err)
			}
			for _, w := range words {
				if err := file.add(file.sheet.appendRow(nil, []cell{text("a", w[0]), text("b", w[1])})); err != nil {
					t.Fatal(err)
				}
			}
			if err := file.close(); err != nil {
				t.Fatal(err)
			}
			if got := readBack(t, format, b.String()); fmt.Sprint(got) != fmt.Sprint(words) || len(got) != len(words) {
				t.Fatalf("%s means %q, want %q", format, got, words)
			}
		}
	})
}

func readBack(t *rapid.T, format registrar.FileFormat, text string) [][]string {
	var rows [][]string
	if format == registrar.CSVFile {
		all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || len(all) == 0 || strings.Count(text, "\r\n") != len(all) {
			t.Fatalf("%q: %v", text, err)
		}
		return all[1:]
	}
	var items []map[string]string
	if err := json.Unmarshal([]byte(text), &items); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r > '~' || r < ' ' && r != '\n' }) {
		t.Fatalf("%q is not plain ASCII", text)
	}
	for _, item := range items {
		rows = append(rows, []string{item["a"], item["b"]})
	}
	return rows
}

// A percentage that is taken is the same number, with three decimals; one that is
// not taken could not be written so.
func TestPercentagesKeepTheirValue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		literal := rapid.StringMatching(`-?(0|[1-9][0-9]{0,2})(\.[0-9]{1,5})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "literal")
		value, ok := new(big.Rat).SetString(literal)
		if !ok {
			t.Fatalf("%q is no number", literal)
		}
		exact := new(big.Rat).Mul(value, big.NewRat(1000, 1)).IsInt() && new(big.Rat).Abs(value).Cmp(big.NewRat(10, 1)) < 0
		got, err := percentOf(json.RawMessage(literal))
		if (err == nil) != exact {
			t.Fatalf("%s: %q, %v", literal, got, err)
		}
		if err != nil {
			return
		}
		again, ok := new(big.Rat).SetString(got)
		_, decimals, _ := strings.Cut(got, ".")
		if !ok || again.Cmp(value) != 0 || len(decimals) != 3 {
			t.Fatalf("%s became %s", literal, got)
		}
	})
}

func TestPercentages(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`0.950`: "0.950", `0.4`: "0.400", `1`: "1.000", `0`: "0.000", `1.0`: "1.000", `0.9500000`: "0.950", `0.0000`: "0.000",
		`"0.95"`: "0.950", `" 1 "`: "1.000", `"0.000"`: "0.000", `1e-1`: "0.100", `"1e-3"`: "0.001", `-0.5`: "-0.500", `".5"`: "0.500",
		`9.999`: "9.999", `0.9999`: "", `10`: "", `1e1`: "", `"0.9500"`: "", `"0.0000"`: "", `""`: "", `"."`: "", `"1_0"`: "", `"0x1"`: "",
		`"Infinity"`: "", `null`: "", `true`: "", `[1]`: "", `{}`: "", `1e99999`: "", `"1e"`: "", `"--1"`: "",
	} {
		if got, err := percentOf(json.RawMessage(raw)); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q (%v), want %q", raw, got, err, want)
		}
	}
}

func TestNumbersAsText(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`12`: "12", `007`: "007", `12.50`: "12.5", `1.0`: "1.0", `1e3`: "1000.0", `1e16`: "1e+16", `0.00001`: "1e-05", `123456789012345678901`: "123456789012345678901", `" a\u001c\u2003"`: "a",
	} {
		if got, err := wordOf(json.RawMessage(raw)); got != want || (err != nil) != (want == "") {
			t.Errorf("%s: %q (%v), want %q", raw, got, err, want)
		}
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`true`: "yes", `"true"`: "yes", `"TRUE"`: "yes", `"True"`: "yes", `"t"`: "yes", `"Y"`: "yes", `"on"`: "yes", `1`: "yes", `"1"`: "yes", `1.0`: "yes",
		`false`: "no", `"false"`: "no", `"N"`: "no", `"Off"`: "no", `0`: "no", `"0"`: "no", `-0.0`: "no",
		`"tRue"`: "", `""`: "", `null`: "", `"null"`: "", `2`: "", `[]`: "", `"yes "`: "", ``: "",
	} {
		got := ""
		yes, err := flagOf(json.RawMessage(raw))
		switch {
		case err == nil && yes:
			got = "yes"
		case err == nil:
			got = "no"
		}
		if got != want {
			t.Errorf("%s: %q (%v), want %q", raw, got, err, want)
		}
	}
}
