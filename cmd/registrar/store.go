package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"registrar/config"
	"registrar/linkstore"
)

// openStore opens the database that the configuration names. sh may be nil: then
// nobody watches its statements.
func openStore(ctx context.Context, c config.Store, sh *shared) (*linkstore.Store, error) {
	cfg := linkstore.Config{DSN: c.DSN.Reveal(), MaxConns: c.MaxConns}
	if sh != nil && sh.tracing.Enabled() {
		cfg.Tracer = sh.tracing.Postgres()
	}
	return linkstore.Open(ctx, cfg)
}

// withStore opens the configured store for one operator's command.
func withStore(cmd *cobra.Command, p process, use func(*linkstore.Store) error) error {
	cfg, err := load(cmd, p)
	if err != nil {
		return err
	}
	store, err := openStore(cmd.Context(), cfg.Store, nil)
	if err != nil {
		return err
	}
	defer closing(newLogger(p.err, cfg.Log, &slog.LevelVar{}), "store", store)
	return use(store)
}

// withSchema is withStore for what needs the schema in place.
func withSchema(cmd *cobra.Command, p process, use func(*linkstore.Store) error) error {
	return withStore(cmd, p, func(store *linkstore.Store) error {
		if err := store.CheckSchema(cmd.Context()); err != nil {
			return err
		}
		return use(store)
	})
}

// closing closes what a command opened; that it could not is worth a line.
func closing(log *slog.Logger, what string, c io.Closer) {
	if err := c.Close(); err != nil {
		log.Warn("closing", slog.String("what", what), slog.Any("error", err))
	}
}

// table prints rows under a header in aligned columns.
func table(w io.Writer, header string, rows [][]any) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, header)
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(out, "\t")
			}
			fmt.Fprint(out, cell)
		}
		fmt.Fprintln(out)
	}
	return out.Flush()
}
