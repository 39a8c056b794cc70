package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/probe/overtls"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
)

const (
	acmeALPN       = "acme-tls/1" // RFC 8737
	handshakeTime  = 10 * time.Second
	handshakesMost = 4096 // under way at once in this process
)

// errRefused ends a handshake whose client has its alert already, or gets it over QUIC: unrecognized_name.
var errRefused = fmt.Errorf("nobody here has that name: %w", tls.AlertError(112))

// newTLSConfig decides by the client's hello. A name that we do not answer for gets the alert unrecognized_name (RFC 6066 section 3) before anything is
// computed for it, so strangers cost little and no old session resumes past a withdrawal.
func (e *Edge) newTLSConfig() *tls.Config {
	base := &tls.Config{MinVersion: tls.VersionTLS12}
	base.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		config, is, err := e.answerHello(hello)
		outcomeOf(hello.Context()).is = is
		return config, err
	}
	return base
}

// answerHello is what a hello gets, and what became of the handshake where that is decided already.
func (e *Edge) answerHello(hello *tls.ClientHelloInfo) (config *tls.Config, is string, err error) {
	name := strings.ToLower(hello.ServerName)
	if proof, err := e.proof(hello, name); proof != nil || err != nil {
		return proof, "probe", err
	}
	n := e.table.find(name)
	if n == nil {
		e.limits.refused(e.Log, name)
		return nil, "unrecognized_name", refuse(hello.Conn)
	}
	if slices.Equal(hello.SupportedProtos, []string{acmeALPN}) {
		c, err := e.known.alpn(hello.Context(), e.Challenges, name)
		if err != nil {
			return nil, "no_challenge", err
		}
		if c == nil {
			return nil, "no_challenge", refuse(hello.Conn)
		}
		return &tls.Config{MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true, NextProtos: []string{acmeALPN}, Certificates: []tls.Certificate{*c}}, "challenge", nil
	}
	c, err := e.certificate(hello.Context(), n)
	if err != nil {
		return nil, "no_certificate", err
	}
	if n.Route.Below && name != n.Hostname && !c.below { // another's wildcard was there when it was issued
		return nil, "no_certificate", refuse(hello.Conn)
	}
	return c.config, "", nil
}

// refuse says unrecognized_name on a connection whose handshake has just begun, and nothing after it. crypto/tls would agree on keys first.
func refuse(c net.Conn) error {
	client, ok := c.(*patientConn)
	if !ok { // over QUIC, which carries the alert itself
		return errRefused
	}
	_, _ = client.Write([]byte{21, 3, 1, 0, 2, 2, 112}) // a fatal alert in the clear (RFC 8446 section 6)
	client.mute()
	return errRefused
}

// suites are those of TLS 1.2: forward secrecy and AEAD, which leaves CBC out. TLS 1.3 has no others.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

var errNoCertificate = errors.New("there is no certificate for the name yet")

// certificate is what a name presents. One that has expired is better than none (ED-4): whoever holds the name sees what is wrong.
func (e *Edge) certificate(ctx context.Context, n *name) (*opened, error) {
	if n.CertificateID == nil {
		if e.Missing != nil && n.CertAllowed && n.Mode == edgeentry.Proxy {
			e.Missing(n.ConnectionID)
		}
		return nil, errNoCertificate
	}
	c, err := e.certs.get(ctx, &n.Entry)
	if err == nil && !c.notAfter.IsZero() && time.Now().After(c.notAfter) && e.Missing != nil && n.CertAllowed {
		e.Missing(n.ConnectionID)
	}
	return c, err
}

// takeTickets takes the keys of session tickets, which are equal on all nodes.
func (e *Edge) takeTickets(ctx context.Context) {
	if keys, err := e.Tickets(ctx); err == nil && len(keys) > 0 {
		e.tlsConfig.SetSessionTicketKeys(keys)
	}
}

// outcome is what became of a handshake, for the counter; it travels in the handshake's context.
type outcome struct{ is string }

type outcomeKey struct{}

func outcomeOf(ctx context.Context) *outcome {
	if o, ok := ctx.Value(outcomeKey{}).(*outcome); ok {
		return o
	}
	return new(outcome)
}

// handshaker is a listener that hands out connections after their handshakes, which run beside each other and never longer than ten seconds. A
// CA that has seen its challenge certificate is not handed out (RFC 8737 section 3: no application data follows), nor is a probe of ours.
type handshaker struct {
	net.Listener
	config *tls.Config
	count  *prometheus.CounterVec
	done   chan net.Conn
	places chan struct{}
	failed chan error
}

func newHandshaker(l net.Listener, config *tls.Config, count *prometheus.CounterVec) *handshaker {
	return &handshaker{Listener: l, config: config, count: count, done: make(chan net.Conn), places: make(chan struct{}, handshakesMost), failed: make(chan error, 1)}
}

// run accepts until the listener is closed, and hands out whoever came before that: ctx ends later.
func (h *handshaker) run(ctx context.Context) {
	var wg sync.WaitGroup
	for {
		c, err := h.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			wg.Wait()
			h.failed <- err
			return
		}
		if err != nil { // no file is free: somebody will leave
			time.Sleep(50 * time.Millisecond)
			continue
		}
		select {
		case h.places <- struct{}{}:
		default:
			h.count.WithLabelValues("too_many").Inc()
			_ = c.Close()
			continue
		}
		wg.Go(func() {
			defer func() { <-h.places }()
			h.shake(ctx, c)
		})
	}
}

func (h *handshaker) shake(ctx context.Context, raw net.Conn) {
	o := &outcome{}
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	// Time is kept by the connection: a context that can end costs a goroutine for each handshake.
	_ = raw.SetDeadline(time.Now().Add(handshakeTime))
	c := tls.Server(raw, h.config)
	err := c.HandshakeContext(context.WithValue(context.Background(), outcomeKey{}, o))
	timed, _ := errors.AsType[net.Error](err)
	_ = raw.SetDeadline(time.Time{})
	state := c.ConnectionState()
	switch {
	case o.is == "" && timed != nil && timed.Timeout():
		o.is = "timeout"
	case err != nil && o.is == "":
		o.is = "error"
	case err == nil && o.is == "" && state.DidResume:
		o.is = "resumed"
	case err == nil && o.is == "":
		o.is = "ok"
	}
	h.count.WithLabelValues(o.is).Inc()
	if err != nil {
		_ = raw.Close() // the alert has been sent
		return
	}
	if state.NegotiatedProtocol == acmeALPN || strings.HasPrefix(state.NegotiatedProtocol, overtls.Protocol) {
		_ = c.Close()
		return
	}
	var ready net.Conn = c // which net/http must know as it is, to speak HTTP/2 over it
	if state.NegotiatedProtocol != "h2" {
		below, _ := raw.(*patientConn)
		ready = &strict{Conn: c, tls: &state, below: below}
	}
	select {
	case h.done <- ready:
	case <-ctx.Done():
		_ = raw.Close()
	}
}

// Accept hands out the next connection.
func (h *handshaker) Accept() (net.Conn, error) {
	select {
	case c := <-h.done:
		return c, nil
	case err := <-h.failed:
		h.failed <- err // for the next call too
		return nil, err
	}
}
