package edge

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/nameplate-dev/nameplate/edge/bucket"
)

const (
	streamsMost   = 250       // requests of one connection at once, as over HTTP/2
	streamWindow  = 512 << 10 // octets that one request may send before anybody has read them
	visitorWindow = 1 << 20   // the same of a whole connection
	altSvcAge     = 3600      // seconds for which a browser remembers that we answer over HTTP/3
)

// third answers over HTTP/3 (RFC 9114) at the addresses of https: another way for octets to come in. Hellos are answered by the table that answers them over TCP, and
// requests by the same handler.
type third struct {
	transports []*quic.Transport // one for each address
	server     *http3.Server
	opens      bucket.Table    // connections that a network opened
	life       context.Context // of connections
	end        context.CancelFunc
	visitors   sync.WaitGroup // connections
	active     sync.WaitGroup // requests
}

// listenThird binds the UDP ports beside the TCP ports of https.
func (e *Edge) listenThird(ctx context.Context) error {
	for _, l := range e.bound.https {
		c, err := new(net.ListenConfig).ListenPacket(ctx, "udp", l.Addr().String())
		if err != nil {
			return fmt.Errorf("listen for HTTP/3 on %s: %w", l.Addr(), err)
		}
		e.third.transports = append(e.third.transports, &quic.Transport{Conn: c, VerifySourceAddress: e.third.doubts})
	}
	return nil
}

// close ends every connection and gives the addresses back.
func (t *third) close() {
	for _, transport := range t.transports {
		_ = transport.Close()
		_ = transport.Conn.Close()
	}
	t.transports = nil
}

// serveThird answers until ctx ends. Connections outlive it by the grace: they end with their transport.
func (e *Edge) serveThird(ctx context.Context, transport *quic.Transport) error {
	l, err := transport.Listen(http3.ConfigureTLSConfig(e.thirdTLS()), &quic.Config{
		HandshakeIdleTimeout: handshakeTime, MaxIdleTimeout: idleTime, MaxIncomingStreams: streamsMost, MaxIncomingUniStreams: 8,
		InitialStreamReceiveWindow: streamWindow, MaxStreamReceiveWindow: streamWindow, InitialConnectionReceiveWindow: visitorWindow, MaxConnectionReceiveWindow: visitorWindow,
	})
	if err != nil {
		return fmt.Errorf("serve HTTP/3: %w", err)
	}
	defer func() { _ = l.Close() }()
	for {
		c, err := l.Accept(ctx)
		if ctx.Err() != nil {
			return nil
		} else if err != nil {
			return fmt.Errorf("serve HTTP/3: %w", err)
		}
		e.third.visitors.Go(func() { e.welcomeThird(c) })
	}
}

// welcomeThird serves one connection. It accepts the streams itself, because only so the head of a request has its time: http3 would wait for it for as long as the
// client says that it is alive. While the edge stops, new requests are refused in the way that lets a client send them to another node (RFC 9114 section 4.1.1).
func (e *Edge) welcomeThird(c *quic.Conn) {
	client, err := e.third.server.NewRawServerConn(c)
	if err != nil {
		return
	}
	defer context.AfterFunc(e.third.life, func() { _ = c.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "") })()
	var streams sync.WaitGroup
	defer streams.Wait()
	streams.Go(func() {
		for {
			str, err := c.AcceptUniStream(c.Context())
			if err != nil {
				return
			}
			streams.Go(func() { client.HandleUnidirectionalStream(str) })
		}
	})
	for {
		str, err := c.AcceptStream(c.Context())
		if err != nil {
			return
		}
		if e.draining.Load() {
			str.CancelRead(quic.StreamErrorCode(http3.ErrCodeRequestRejected))
			str.CancelWrite(quic.StreamErrorCode(http3.ErrCodeRequestRejected))
			continue
		}
		_ = str.SetReadDeadline(time.Now().Add(e.patience.head)) // the handler takes it back
		e.third.active.Go(func() { client.HandleRequestStream(str) })
	}
}

// shutDown waits for what is under way, and ends every connection.
func (t *third) shutDown(grace context.Context) {
	done := make(chan struct{})
	go func() { // ends with the connections, at the latest
		t.active.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-grace.Done():
	}
	left := make(chan struct{})
	go func() { // as above
		t.visitors.Wait()
		close(left)
	}()
	linger, cancel := context.WithTimeout(grace, drainTime) // what was written is on its way
	defer cancel()
	select {
	case <-left:
	case <-linger.Done():
	}
	t.end()
	<-left
	<-done
}

// doubts says that whoever comes from an address has to show first that answers arrive there (RFC 9000 section 8.1.2): once its network has opened many connections.
func (t *third) doubts(from net.Addr) bool {
	a, ok := from.(*net.UDPAddr)
	return !ok || !t.opens.Take(a.AddrPort().Addr().Unmap(), 1)
}

func (e *Edge) newThird() *http3.Server {
	e.third.opens.Rate, e.third.opens.Burst = 20, 100
	e.third.life, e.third.end = context.WithCancel(context.Background())
	return &http3.Server{
		Handler: e.handler(true), MaxHeaderBytes: headerLimit, IdleTimeout: idleTime,
		ConnContext: func(ctx context.Context, _ *quic.Conn) context.Context {
			e.metrics.handshakes.WithLabelValues("ok").Inc()
			return ctx
		},
	}
}

// thirdTLS is TLS as over TCP; what becomes of a refused hello is counted here, since nobody else hears of it.
func (e *Edge) thirdTLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		config, is, err := e.answerHello(hello)
		if is != "" {
			e.metrics.handshakes.WithLabelValues(is).Inc()
		}
		return config, err
	}}
}

// altSvc tells browsers that they may come by HTTP/3 (RFC 7838); "" where they may not.
func (e *Edge) altSvc() string {
	if !e.HTTP3 {
		return ""
	}
	return `h3=":` + strconv.Itoa(cmp.Or(e.PublicHTTPS, 443)) + `"; ma=` + strconv.Itoa(altSvcAge)
}

// hopByHop are fields that speak of one connection; a request that carries one is malformed over HTTP/3 (RFC 9114 section 4.2).
var hopByHop = []string{"Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade"}

func malformedThird(r *http.Request) bool {
	te := r.Header["Te"]
	return slices.ContainsFunc(hopByHop, func(name string) bool { return r.Header[name] != nil }) || len(te) > 1 || len(te) == 1 && te[0] != "trailers"
}
