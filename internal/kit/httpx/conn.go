package httpx

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

type connKey struct{}

// WithConn keeps the connection of a request at hand for LimitSilence. It is a http.Server's ConnContext.
func WithConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// LimitSilence ends the connection of a request when the peer acknowledges nothing of what was sent for so long. A peer that vanished (a phone out of reach, a
// cable that was pulled) is otherwise noticed only after the system's own repeats, about a quarter of an hour; a write does not notice it, as it only
// fills the system's buffer. It needs Linux (TCP_USER_TIMEOUT, RFC 5482), and does nothing elsewhere.
func LimitSilence(ctx context.Context, most time.Duration) {
	c, _ := ctx.Value(connKey{}).(net.Conn)
	if over, ok := c.(*tls.Conn); ok {
		c = over.NetConn()
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		limitSilence(tcp, most)
	}
}
