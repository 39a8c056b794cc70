// Package probe asks whoever answers at an address whether it is our edge: it sends a number that only the edge knows the answer to, under
// the host's own name, and says what came back.
//
// It is one network's view. That the edge answers here does not prove that a certification authority will reach it.
package probe

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
)

// Prober makes probes. Its zero value asks the public internet on ports 80 and 443.
type Prober struct {
	AllowPrivate        bool // the lab: also loopback
	HTTPPort, HTTPSPort int
	Roots               *x509.CertPool                    // nil: the system's
	Edge                []netip.Addr                      // where our edge is; a nonce that comes back from elsewhere was passed on. Empty: not known
	Timeout             time.Duration                     // for one probe; default 3 s
	Map                 map[netip.AddrPort]netip.AddrPort // tests: where an address and port really are; nobody is where it says nothing. nil: as they are
}

// Path is where the edge answers "<nonce> <node>", on both ports and before anything else.
const Path = "/.well-known/nameplate/"

// ArrivedHeader is how the edge may tell over which scheme a request reached it. A probe over https that arrived over http went through a
// proxy that decrypts and does not encrypt again: an edge that redirects to https would send its visitors round in circles.
const ArrivedHeader = "Nameplate-Arrived"

const maxBody = 4096

// proxyHeaders are answers of the better-known proxies.
var proxyHeaders = []string{"Cf-Ray", "Via", "X-Sucuri-Id", "X-Amz-Cf-Id", "X-Fastly-Request-Id", "X-Akamai-Transformed"}

// Ask sends one probe for host to one address; nonces are those that the edge may answer, the first is asked for.
func (p *Prober) Ask(ctx context.Context, host string, addr netip.Addr, secure bool, nonces []string) analysis.ProbeResult {
	port, over := cmp.Or(p.HTTPPort, 80), analysis.OverHTTP
	if secure {
		port, over = cmp.Or(p.HTTPSPort, 443), analysis.OverHTTPS
	}
	start := time.Now()
	out := result(addr, port, over)
	result, detail := p.ask(ctx, host, netip.AddrPortFrom(addr, uint16(port)), secure, nonces)
	return told(out, start, result, detail)
}

func result(addr netip.Addr, port int, over analysis.ProbeWay) analysis.ProbeResult {
	out := analysis.ProbeResult{Address: addr.String(), Family: 4, Port: int32(port), Over: over}
	if addr.Is6() {
		out.Family = 6
	}
	return out
}

func told(out analysis.ProbeResult, start time.Time, result analysis.ProbeOutcome, detail string) analysis.ProbeResult {
	out.Result, out.ElapsedMs = result, float64(time.Since(start).Microseconds())/1000
	if detail != "" {
		out.Detail = &detail
	}
	return out
}

// place is where an address and port really are, or why nobody may be asked there.
func (p *Prober) place(at netip.AddrPort) (there netip.AddrPort, why string) {
	if !p.AllowPrivate && safehttp.PublicAddr(at.Addr()) != nil {
		return at, "not a public address"
	}
	if p.Map == nil {
		return at, ""
	}
	if there, ok := p.Map[at]; ok {
		return there, ""
	}
	return at, "nobody is there"
}

func (p *Prober) ask(ctx context.Context, host string, at netip.AddrPort, secure bool, nonces []string) (analysis.ProbeOutcome, string) {
	there, why := p.place(at)
	if why != "" {
		return analysis.ProbeRefused, why
	}
	if len(nonces) == 0 {
		return analysis.ProbeOtherServer, "no nonce"
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(p.Timeout, 3*time.Second))
	defer cancel()
	scheme := "http"
	if secure {
		scheme = "https"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+host+Path+url.PathEscape(nonces[0]), nil)
	if err != nil {
		return analysis.ProbeOtherServer, "not a host name"
	}
	req.Header.Set("User-Agent", "nameplate-probe")
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, there.String())
		},
		TLSClientConfig:        &tls.Config{ServerName: host, RootCAs: p.Roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 16 << 10,
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return failed(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxBody))
	return p.classify(host, at.Addr(), secure, res, string(body), nonces)
}

func (p *Prober) classify(host string, addr netip.Addr, secure bool, res *http.Response, body string, nonces []string) (analysis.ProbeOutcome, string) {
	if to := res.Header.Get("Location"); res.StatusCode >= 300 && res.StatusCode < 400 && to != "" {
		u, err := res.Request.URL.Parse(to)
		if err == nil && !strings.EqualFold(u.Hostname(), host) {
			return analysis.ProbeRedirect, clip(u.Scheme + "://" + u.Host + u.Path)
		}
		return analysis.ProbeOtherServer, clip(fmt.Sprintf("answers %d to %s", res.StatusCode, to))
	}
	nonce, _, _ := strings.Cut(strings.TrimSpace(body), " ")
	if res.StatusCode != http.StatusOK || !slices.Contains(nonces, nonce) {
		return analysis.ProbeOtherServer, clip("answers " + strconv.Itoa(res.StatusCode) + server(res))
	}
	if secure && res.Header.Get(ArrivedHeader) == "http" {
		return analysis.ProbeLoopRisk, server(res)
	}
	for _, h := range proxyHeaders {
		if res.Header.Get(h) != "" {
			return analysis.ProbeViaProxy, h
		}
	}
	return p.here(addr)
}

// here is what an answer of ours means at an address.
func (p *Prober) here(addr netip.Addr) (analysis.ProbeOutcome, string) {
	if len(p.Edge) > 0 && !slices.Contains(p.Edge, addr) {
		return analysis.ProbeViaProxy, "the address is not our edge's"
	}
	return analysis.ProbeOK, ""
}

func server(res *http.Response) string {
	if s := res.Header.Get("Server"); s != "" {
		return " as " + clip(s)
	}
	return ""
}

// failed classes what happened before an answer came.
func failed(err error) (analysis.ProbeOutcome, string) {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return analysis.ProbeTLSError, clip(err.Error())
	}
	if alert, ok := errors.AsType[tls.AlertError](err); ok {
		return analysis.ProbeTLSError, clip(alert.Error())
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return analysis.ProbeTLSError, "no TLS on this port"
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return analysis.ProbeTimeout, ""
	}
	if text := err.Error(); strings.Contains(text, "tls:") {
		return analysis.ProbeTLSError, clip(text)
	}
	return analysis.ProbeRefused, clip(plainCause(err))
}

// plainCause leaves out our own address, which nobody needs to see.
func plainCause(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil {
		return op.Err.Error()
	}
	return err.Error()
}

func clip(s string) string { return strings.ToValidUTF8(s[:min(len(s), 200)], "\uFFFD") }
