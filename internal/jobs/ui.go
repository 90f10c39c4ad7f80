package jobs

import (
	"database/sql"
	"log/slog"

	"github.com/riverqueue/river"
	"riverqueue.com/riverui"
)

func newUI(client *river.Client[*sql.Tx], prefix string, log *slog.Logger) (*riverui.Handler, error) {
	return riverui.NewHandler(&riverui.HandlerOpts{
		Endpoints: riverui.NewEndpoints(client, nil), Prefix: prefix, Logger: log,
	})
}
