package linkstore_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"registrar/internal/registrar"
	"registrar/linkstore"
)

// touches reads the audit log, and ends the test on an error.
func (k *kit) touches(f linkstore.AuditFilter) []linkstore.AuditRecord {
	k.Helper()
	var all []linkstore.AuditRecord
	for r, err := range k.store.Touches(k.Context(), f) {
		k.must(err)
		all = append(all, r)
	}
	return all
}

func touch(id string, at time.Time, learners ...string) linkstore.AuditRecord {
	return linkstore.AuditRecord{ID: id, At: at, Username: "bo", Kind: registrar.TouchRead, Program: "masters-cs", Status: 200, Learners: learners}
}

func auditKept(k *kit) {
	ctx := k.Context()
	full := linkstore.AuditRecord{
		ID: "r-1", At: noon().Add(time.Microsecond), RequestID: "q-1", Username: "bo", Kind: registrar.TouchUpload,
		Method: "POST", Route: "/api/v1/programs/:program/enrollments/upload", Program: "masters-cs",
		Course: "course-v1:NorthU+CS1+2026", Job: "aaaaaaaa-0000-4000-8000-000000000001", Status: 202,
		Learners: []string{"h1", "h2"},
	}
	k.must(k.store.RecordTouch(ctx, nil))
	k.must(k.store.RecordTouch(ctx, []linkstore.AuditRecord{full, {Kind: registrar.TouchRead}}))
	got := k.touches(linkstore.AuditFilter{})
	if len(got) != 2 || got[0].ID == "" {
		k.Fatalf("records = %+v", got)
	}
	same(k, "the bare one", got[0], linkstore.AuditRecord{ID: got[0].ID, At: noon(), Kind: registrar.TouchRead})
	same(k, "the full one", got[1], full)

	again := full
	again.Status = 500
	k.must(k.store.RecordTouch(ctx, []linkstore.AuditRecord{again}))
	same(k, "stored twice", k.touches(linkstore.AuditFilter{})[1], full)

	// A request may name anything, and is on record all the same.
	odd := touch("r-2", noon().Add(time.Second))
	odd.Program, odd.RequestID = "a\x00b", "\xffq"
	k.must(k.store.RecordTouch(ctx, []linkstore.AuditRecord{odd}))
	last := k.touches(linkstore.AuditFilter{})[2]
	same(k, "odd texts", [2]string{string(last.Program), last.RequestID}, [2]string{"a\uFFFDb", "\uFFFDq"})
}

func auditFiltered(k *kit) {
	ctx := k.Context()
	write := touch("c", noon().Add(2*time.Minute), "h_1")
	write.Kind, write.Username, write.Program = registrar.TouchWrite, "al", "MBA"
	k.must(k.store.RecordTouch(ctx, []linkstore.AuditRecord{
		write, touch("b", noon().Add(time.Minute)), touch("a", noon(), "hx1", "h2"), touch("d", noon().Add(3*time.Minute), "H_1"),
	}))
	for name, c := range map[string]struct {
		filter linkstore.AuditFilter
		want   string
	}{
		"all":                {linkstore.AuditFilter{}, "abcd"},
		"a caller":           {linkstore.AuditFilter{Username: "al"}, "c"},
		"a program":          {linkstore.AuditFilter{Program: "masters-cs"}, "abd"},
		"a kind":             {linkstore.AuditFilter{Kind: registrar.TouchWrite}, "c"},
		"a learner":          {linkstore.AuditFilter{Learner: "h2"}, "ab"}, // b touched everybody
		"exactly":            {linkstore.AuditFilter{Learner: "h_1"}, "bc"},
		"part of a hash":     {linkstore.AuditFilter{Learner: "h"}, "b"},
		"since":              {linkstore.AuditFilter{Since: noon().Add(time.Minute)}, "bcd"},
		"until":              {linkstore.AuditFilter{Until: noon().Add(time.Minute)}, "a"},
		"what cannot be":     {linkstore.AuditFilter{Username: "a\x00b"}, ""},
		"everything at once": {linkstore.AuditFilter{Username: "bo", Program: "masters-cs", Kind: registrar.TouchRead, Learner: "hx1", Since: noon(), Until: noon().Add(aWhile)}, "ab"},
	} {
		got := []string{}
		for _, r := range k.touches(c.filter) {
			got = append(got, r.ID)
		}
		same(k, name, strings.Join(got, ""), c.want)
	}
}

// auditLong reads more than one page, of records that share their times.
func auditLong(k *kit) {
	const n = 1203
	records := make([]linkstore.AuditRecord, n)
	for i := range records {
		records[i] = touch(fmt.Sprintf("r-%04d", i), noon().Add(time.Duration(i/400)*time.Second), "h")
	}
	k.must(k.store.RecordTouch(k.Context(), records))
	same(k, "records", k.touches(linkstore.AuditFilter{Learner: "h"}), records)

	read := 0
	for _, err := range k.store.Touches(k.Context(), linkstore.AuditFilter{}) {
		k.must(err)
		if read++; read == 700 {
			break
		}
	}
	same(k, "records before the reader had enough", read, 700)

	gone, cancel := context.WithCancel(k.Context())
	cancel()
	read, failed := 0, 0
	for _, err := range k.store.Touches(gone, linkstore.AuditFilter{}) {
		read++
		if err != nil {
			failed++
		}
	}
	same(k, "answers to a reader who is gone, and errors among them", [2]int{read, failed}, [2]int{1, 1})
}

func auditStands(k *kit) {
	ctx := k.Context()
	k.must(k.store.RecordTouch(ctx, []linkstore.AuditRecord{touch("a", noon()), touch("b", noon().Add(aWhile))}))
	db, _ := k.store.Handles()
	if _, err := db.ExecContext(ctx, `UPDATE audit_log SET username = 'al' WHERE id = $1`, "a"); err == nil {
		k.Error("a record could be changed")
	}
	same(k, "the caller on record", k.touches(linkstore.AuditFilter{})[0].Username, "bo")
	n, err := k.store.PruneTouches(ctx, noon().Add(aWhile))
	k.must(err)
	same(k, "pruned", n, 1)
	same(k, "left", k.touches(linkstore.AuditFilter{})[0].ID, "b")
}
