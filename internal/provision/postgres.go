package provision

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// initdb makes an empty cluster. Locale C keeps the sort order the same on
// every machine.
func (h *home) initdb(ctx context.Context, program string) error {
	cmd, err := h.command(ctx, "initdb", program,
		"-D", h.path("pg"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	if err != nil {
		return err
	}
	err = cmd.Run()
	closeOutput(cmd)
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, h.log("initdb"))
	}
	return nil
}

// postgresServer trades every promise of durability for speed: the cluster does
// not outlive the tests.
func postgresServer(program string, h *home) server {
	return server{
		name: "postgres", program: program, quit: syscall.SIGINT, patience: 60 * time.Second,
		args: func(port int) []string {
			args := []string{"-D", h.path("pg"), "-p", strconv.Itoa(port)}
			for _, setting := range []string{
				"listen_addresses=127.0.0.1", "unix_socket_directories=" + h.dir,
				"fsync=off", "synchronous_commit=off", "full_page_writes=off",
				"shared_buffers=64MB", "max_connections=300", "timezone=UTC", "logging_collector=off",
			} {
				args = append(args, "-c", setting)
			}
			return args
		},
		answers: func(ctx context.Context, port int) error { return pingPostgres(ctx, postgresDSN(port)) },
	}
}

func postgresDSN(port int) string {
	u := url.URL{
		Scheme: "postgres", User: url.User("postgres"), Host: loopback(port),
		Path: "/postgres", RawQuery: "sslmode=disable",
	}
	return u.String()
}

func pingPostgres(ctx context.Context, dsn string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	return errors.Join(conn.Ping(ctx), conn.Close(ctx))
}
