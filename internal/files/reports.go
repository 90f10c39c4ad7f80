package files

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"registrar/internal/registrar"
)

// ReportsConfig says where reports are looked for.
type ReportsConfig struct {
	// Folder is the one within the store that the organizations' folders are in.
	// Default: "reports_v2".
	Folder string
	Log    *slog.Logger // default: nowhere
}

// Reports lists the reports that others leave in a store, at
// FOLDER/ORGANIZATION/PROGRAM/NAME: the key of the managing organization and the
// 32 digits of the program's uuid.
type Reports struct {
	store  *Store
	folder string
	log    *slog.Logger
}

// NewReports returns the reports in store.
func NewReports(store *Store, cfg ReportsConfig) (*Reports, error) {
	if cfg.Folder == "" {
		cfg.Folder = "reports_v2"
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if !isName(cfg.Folder) {
		return nil, errors.New(`files: the folder of reports must be names joined by "/"`)
	}
	return &Reports{store: store, folder: cfg.Folder, log: cfg.Log}, nil
}

// Reports lists the reports of program that were made on the day of since or
// later, by name in ascending order; all of them for the zero time. A file whose
// name holds no date is no report.
func (r *Reports) Reports(ctx context.Context, program registrar.Program, since time.Time) ([]registrar.ReportFile, error) {
	folder, ok := r.folderOf(program)
	if !ok {
		return nil, nil
	}
	all, err := r.store.List(ctx, folder)
	if err != nil {
		return nil, err
	}
	var found []registrar.ReportFile
	undated := 0
	for _, f := range all {
		created, ok := dateIn(f.Name)
		if !ok {
			undated++
			continue
		}
		if created.Before(since) {
			continue
		}
		address, err := r.store.Link(ctx, folder+"/"+f.Name)
		if err != nil {
			return nil, err
		}
		found = append(found, registrar.ReportFile{Name: f.Name, Created: created, URL: address})
	}
	if undated > 0 {
		r.log.WarnContext(ctx, "files among the reports were left out: their names hold no date",
			slog.String("program", string(program.Key)), slog.Int("files", undated))
	}
	return found, nil
}

// folderOf fails for a program that Discovery does not know: nobody could have
// named its folder.
func (r *Reports) folderOf(program registrar.Program) (string, bool) {
	id, err := registrar.ParseProgramUUID(string(program.UUID))
	if err != nil || !program.Organization.Valid() {
		return "", false
	}
	return r.folder + "/" + string(program.Organization) + "/" + strings.ReplaceAll(string(id), "-", ""), true
}
