package linkstore

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// outage is an error of the connection in words of ours: the driver's tell host,
// user and database, and end up in logs.
type outage struct {
	why   string
	cause error
}

// Error tells the class of the fault.
func (o *outage) Error() string { return o.why }

// Unwrap gives those who ask for types what the driver said.
func (o *outage) Unwrap() error { return o.cause }

// wordless replaces the words of an error of the connection, and leaves every other
// as it is.
func wordless(err error) error {
	_, network := errors.AsType[*net.OpError](err)
	if !isConnecting(err) && !network {
		return err
	}
	return &outage{why: "the connection: " + reason(err), cause: err}
}

// reason is as much of an error of the connection as helps whoever mends it.
func reason(err error) string {
	if said, ok := errors.AsType[*pgconn.PgError](err); ok {
		return refusal(said.Code) + " (SQLSTATE " + said.Code + ")"
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "the host's name is not known"
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return number.Error()
	}
	if isTLS(err) {
		return "TLS fails, or the certificate is not trusted"
	}
	network, ok := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, context.Canceled):
		return "given up"
	case errors.Is(err, context.DeadlineExceeded), ok && network.Timeout():
		return "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "closed by the other end"
	}
	return "broken"
}

// refusal says why a server takes no connection, by its SQLSTATE.
func refusal(state string) string {
	switch state {
	case "28P01", "28000":
		return "user or password are refused"
	case "3D000":
		return "there is no such database"
	case "53300":
		return "the server has no connection left"
	case "57P01", "57P02", "57P03":
		return "the server is starting or stopping"
	}
	return "refused by the server"
}

func isTLS(err error) bool {
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	return certificate || record || alert
}
