package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"registrar/linkstore"
)

// auditRow is a record as it is exported.
type auditRow struct {
	At        time.Time `json:"at"`
	RequestID string    `json:"request_id"`
	Username  string    `json:"username"`
	Kind      string    `json:"kind"`
	Method    string    `json:"method"`
	Route     string    `json:"route"`
	Program   string    `json:"program_key"`
	Course    string    `json:"course_key"`
	Job       string    `json:"job_id"`
	Status    int       `json:"status"`
	Learners  []string  `json:"learners"`
}

func auditRowOf(r linkstore.AuditRecord) auditRow {
	row := auditRow{
		At: r.At, RequestID: r.RequestID, Username: string(r.Username), Kind: string(r.Kind), Method: r.Method, Route: r.Route,
		Program: string(r.Program), Course: r.Course, Job: string(r.Job), Status: r.Status, Learners: r.Learners,
	}
	if row.Learners == nil {
		row.Learners = []string{}
	}
	return row
}

// auditWriter returns what writes one record to w in a format.
func auditWriter(w io.Writer, format string) (func(linkstore.AuditRecord) error, error) {
	switch format {
	case "json":
		out := json.NewEncoder(w)
		out.SetEscapeHTML(false)
		return func(r linkstore.AuditRecord) error { return out.Encode(auditRowOf(r)) }, nil
	case "csv":
		return auditCSV(csv.NewWriter(w))
	}
	return nil, fmt.Errorf("--format %q: want json or csv", format)
}

// auditCSV writes the header at once.
func auditCSV(out *csv.Writer) (func(linkstore.AuditRecord) error, error) {
	line := func(cells ...string) error {
		if err := out.Write(cells); err != nil {
			return err
		}
		out.Flush()
		return out.Error()
	}
	err := line("at", "request_id", "username", "kind", "method", "route", "program_key", "course_key", "job_id", "status", "learners")
	return func(r linkstore.AuditRecord) error {
		row := auditRowOf(r)
		return line(row.At.Format(time.RFC3339Nano), harmless(row.RequestID), harmless(row.Username), row.Kind, harmless(row.Method), row.Route,
			harmless(row.Program), harmless(row.Course), row.Job, strconv.Itoa(row.Status), strings.Join(row.Learners, " "))
	}, err
}

// harmless makes text of what a spreadsheet would run as a formula: callers chose
// some of what stands in a record.
func harmless(cell string) string {
	if first := strings.TrimLeft(cell, " \t\r\n"); first != "" && strings.ContainsRune("=+-@", rune(first[0])) {
		return "'" + cell
	}
	return cell
}

// auditLine is a record in a table for people.
func auditLine(r linkstore.AuditRecord) []any {
	learners := "everybody"
	if n := len(r.Learners); n > 0 {
		learners = strconv.Itoa(n)
	}
	return []any{r.At.Format(time.RFC3339), r.Username, r.Kind, r.Program, r.Course, learners, r.Status, r.RequestID, r.Method + " " + r.Route}
}
