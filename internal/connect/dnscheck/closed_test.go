package dnscheck

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/caa"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/probe/overtls"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

// TestProbe_Port80Closed: who is not there over http is asked over TLS, if CAA lets a CA look there; when our edge answers, the closed port is a warning.
func TestProbe_Port80Closed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.acme("shop 300 CNAME token.edge.lab.")
	edge := w.Server("ns1.edge.lab")
	edge.Remove("edge.lab", func(rr dns.RR) bool { return strings.HasPrefix(rr.Header().Name, "token.") })
	w.Add("edge.lab", "token 60 A 127.0.0.1")
	e := w.engine()
	e.Nonce = func(host string) []string { return []string{"now-" + host} }
	e.CAs = func() []caa.CA { return []caa.CA{{Name: "main", Identities: []string{"main.lab"}}} }
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return l
	}
	silent, secure := listen(), listen()
	var asked atomic.Int64
	server := &http.Server{TLSConfig: &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		asked.Add(1)
		c, err := overtls.Show(h.ServerName, key, e.Nonce, time.Now())
		if err != nil {
			return nil, err
		}
		return &tls.Config{Certificates: []tls.Certificate{*c}, NextProtos: h.SupportedProtos}, nil
	}}, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.ServeTLS(secure, "", "") }()
	t.Cleanup(func() { _ = server.Close() })
	port := func(l net.Listener) int { return int(netip.MustParseAddrPort(l.Addr().String()).Port()) }
	const shut = 1
	e.Settings.ProbeMap, e.Settings.AllowPrivate, e.Settings.EdgeV4 = nil, true, []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	q := sub("shop.acme.lab")
	q.Probe, q.Interactive = analysis.ProbeWanted{HTTP: true}, true
	for name, c := range map[string]struct {
		http, https int
		methods     []string
		code        string
		probes      int
		alone       bool
	}{
		"Refused":  {shut, port(secure), []string{"http-01", "tls-alpn-01"}, finding.HTTPClosed, 2, true},
		"Silent":   {port(silent), port(secure), []string{"http-01", "tls-alpn-01"}, finding.HTTPClosed, 2, true},
		"BothShut": {shut, shut, []string{"http-01", "tls-alpn-01"}, finding.HTTPUnreachable, 2, false},
		"NotByCAA": {shut, port(secure), []string{"http-01"}, finding.HTTPUnreachable, 1, false},
	} {
		e.Settings.ProbeHTTPPort, e.Settings.ProbeHTTPSPort = c.http, c.https
		q.Modes = c.methods
		a, err := e.Analyze(t.Context(), q)
		if err != nil || len(a.Probes) != c.probes || !slices.Equal(codes(a), []string{c.code}) || analysis.TLSAlone(a.Probes) != c.alone {
			t.Errorf("%s: %v %+v %v", name, err, a.Probes, codes(a))
		}
	}
	if asked.Load() != 2 {
		t.Errorf("asked over TLS %d times", asked.Load())
	}
}
