// Command withservers runs a command with a private PostgreSQL and a private
// Redis up, and stops them when it ends:
//
//	go run ./internal/provision/withservers -- go test -race ./...
//
// The child finds the servers in REGISTRAR_TEST_POSTGRES_DSN and
// REGISTRAR_TEST_REDIS_ADDR. Signals go on to the child; the exit code is the
// child's, or 128 and the signal's number when one ended it. ("go run" itself
// turns every code but 0 into 1.) It knows nothing of what it runs.
package main
