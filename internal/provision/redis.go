package provision

import (
	"context"
	"errors"
	"net"
	"strconv"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisDatabases is how many tests can hold a database of their own at once.
const redisDatabases = 512

// redisServer keeps everything in memory and writes no file.
func redisServer(program string, h *home) server {
	return server{
		name: "redis", program: program, quit: syscall.SIGTERM, patience: 30 * time.Second,
		args: func(port int) []string {
			return []string{
				"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", h.dir,
				"--save", "", "--appendonly", "no", "--daemonize", "no",
				"--databases", strconv.Itoa(redisDatabases),
			}
		},
		answers: func(ctx context.Context, port int) error { return pingRedis(ctx, loopback(port)) },
	}
}

func pingRedis(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	// The client logs every refused connection; a bare dial does not.
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	if err := conn.Close(); err != nil {
		return err
	}
	client := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1})
	return errors.Join(client.Ping(ctx).Err(), client.Close())
}
