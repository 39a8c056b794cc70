package probe

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/probe/overtls"
)

var errNotOurs = errors.New("its certificate is not our edge's answer")

// Hello asks over TLS whether our edge is at one address, also for a host that has no certificate: what TLS-ALPN-01 needs, where nobody answers over http.
func (p *Prober) Hello(ctx context.Context, host string, addr netip.Addr, nonces overtls.Codes) analysis.ProbeResult {
	port := cmp.Or(p.HTTPSPort, 443)
	start := time.Now()
	out := result(addr, port, analysis.OverTLS)
	result, detail := p.hello(ctx, host, netip.AddrPortFrom(addr, uint16(port)), nonces)
	return told(out, start, result, detail)
}

func (p *Prober) hello(ctx context.Context, host string, at netip.AddrPort, nonces overtls.Codes) (analysis.ProbeOutcome, string) {
	known := nonces(host)
	if len(known) == 0 {
		return analysis.ProbeOtherServer, "no nonce"
	}
	there, why := p.place(at)
	if why != "" {
		return analysis.ProbeRefused, why
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(p.Timeout, 3*time.Second))
	defer cancel()
	protocol := overtls.Protocol + known[0]
	d := tls.Dialer{NetDialer: new(net.Dialer), Config: &tls.Config{
		ServerName: host, MinVersion: tls.VersionTLS13, NextProtos: []string{protocol},
		InsecureSkipVerify: true, // no CA vouches for it: the code in it does
		VerifyConnection: func(s tls.ConnectionState) error {
			if s.NegotiatedProtocol != protocol || !overtls.Ours(host, s.PeerCertificates[0], nonces) {
				return errNotOurs
			}
			return nil
		},
	}}
	c, err := d.DialContext(ctx, "tcp", there.String())
	switch {
	case errors.Is(err, errNotOurs):
		return analysis.ProbeOtherServer, errNotOurs.Error()
	case err != nil:
		return failed(err)
	}
	_ = c.Close()
	return p.here(at.Addr())
}
