package edge

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/probe"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/probe/overtls"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/metric"
)

// CE-1 where port 80 is closed: our probe is told over TLS that the edge is there, with a certificate and without, and nobody else is told anything.
func TestProof_OurProbeIsAnsweredWithoutACertificate(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.put(edgeentry.Entry{Hostname: "shop.acme.lab", CertAllowed: true})
	w.live("live.acme.lab", origin(t, nil))
	set := metric.New()
	n := start(t, w, func(e *Edge) { e.Metrics = set })
	n.caughtUp()
	at := netip.MustParseAddrPort(n.https)
	p := &probe.Prober{AllowPrivate: true, HTTPSPort: int(at.Port())}
	for _, host := range []string{"shop.acme.lab", "live.acme.lab", "soon.acme.lab"} {
		if got := p.Hello(t.Context(), host, at.Addr(), w.Of); got.Result != analysis.ProbeOK || got.Over != analysis.OverTLS {
			t.Errorf("%s: %+v", host, got)
		}
	}
	n.until("all are counted", func() bool { return strings.Contains(scrape(set), `nameplate_edge_handshakes_total{result="probe"} 3`) })
	dial := func(host string, protocols ...string) (*tls.Conn, error) {
		return tls.Dial("tcp", n.https, &tls.Config{ServerName: host, NextProtos: protocols, InsecureSkipVerify: true})
	}
	for name, c := range map[string]struct {
		host      string
		protocols []string
	}{
		"NoNonce":     {"soon.acme.lab", []string{overtls.Protocol}},
		"WrongNonce":  {"soon.acme.lab", []string{overtls.Protocol + "nonce-of-shop.acme.lab"}},
		"LongNonce":   {"soon.acme.lab", []string{overtls.Protocol + strings.Repeat("n", 200)}},
		"TwoOffers":   {"soon.acme.lab", []string{overtls.Protocol + "nonce-of-soon.acme.lab", "h2"}},
		"OtherLetter": {"soon.acme.lab", []string{"Nameplate-probe/nonce-of-soon.acme.lab"}},
	} {
		if _, err := dial(c.host, c.protocols...); !alertText(err, 112) {
			t.Errorf("%s: %v, want unrecognized_name", name, err)
		}
	}
	c, err := dial("shop.acme.lab", overtls.Protocol+"nonce-of-shop.acme.lab")
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if b, err := io.ReadAll(c); len(b) > 0 || err != nil {
		t.Errorf("after the handshake came %q %v", b, err)
	}
	overheard := c.ConnectionState().PeerCertificates[0]
	if overtls.Ours("other.acme.lab", overheard, w.Of) || !overtls.Ours("shop.acme.lab", overheard, w.Of) {
		t.Error("a code is of one host")
	}
	if overtls.Ours("shop.acme.lab", overheard, func(text string) []string { return []string{"later-nonce-of-" + text} }) {
		t.Error("a code of before counts for ever")
	}
}

// Somebody else's server that has heard a probe, and what the edge answered to it, cannot answer like the edge.
func TestProof_NobodyElseCanAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld()
	ours, theirs := newProofKey(t), newProofKey(t)
	real, err := overtls.Show("shop.acme.lab", ours, w.Of, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(real.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	copied := &x509.Certificate{SerialNumber: leaf.SerialNumber, DNSNames: leaf.DNSNames, NotAfter: leaf.NotAfter}
	raw, err := x509.CreateCertificate(rand.Reader, copied, copied, &theirs.PublicKey, theirs)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		chain tls.Certificate
		want  analysis.ProbeOutcome
	}{
		"TheEdge":      {*real, analysis.ProbeOK},
		"CodesCopied":  {tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: theirs}, analysis.ProbeOtherServer},
		"LeafCopied":   {tls.Certificate{Certificate: real.Certificate, PrivateKey: theirs}, analysis.ProbeTLSError},
		"NoCode":       {*testCA().issue("shop.acme.lab", time.Now().Add(time.Hour)), analysis.ProbeOtherServer},
		"NonceEchoed":  {*testCA().issue("nonce-of-shop.acme.lab.invalid", time.Now().Add(time.Hour)), analysis.ProbeOtherServer},
		"OtherEdgesIs": {of(t, "other.acme.lab", ours, w), analysis.ProbeOtherServer},
	} {
		l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			return &tls.Config{Certificates: []tls.Certificate{c.chain}, NextProtos: h.SupportedProtos}, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func(c net.Conn) { _, _ = io.Copy(io.Discard, c); _ = c.Close() }(c)
			}
		}()
		at := netip.MustParseAddrPort(l.Addr().String())
		p := &probe.Prober{AllowPrivate: true, HTTPSPort: int(at.Port())}
		if got := p.Hello(t.Context(), "shop.acme.lab", at.Addr(), w.Of); got.Result != c.want {
			t.Errorf("%s: %s (%s), want %s", name, got.Result, detailOf(got), c.want)
		}
		_ = l.Close()
	}
}

func newProofKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func of(t *testing.T, host string, key *ecdsa.PrivateKey, w *world) tls.Certificate {
	t.Helper()
	c, err := overtls.Show(host, key, w.Of, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return *c
}

func detailOf(p analysis.ProbeResult) string {
	if p.Detail == nil {
		return ""
	}
	return *p.Detail
}
