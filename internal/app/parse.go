package app

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck"
)

type parser struct{ faults []error }

func (p *parser) wrong(name, format string, args ...any) {
	p.faults = append(p.faults, fmt.Errorf(name+" "+format, args...))
}

func list(s string) []string {
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

func (p *parser) prefixes(name, s string) (out []netip.Prefix) {
	for _, part := range list(s) {
		n, err := netip.ParsePrefix(part)
		if err != nil {
			p.wrong(name, "holds networks such as 10.0.0.0/8; %q is none", part)
			continue
		}
		out = append(out, n)
	}
	return out
}

func (p *parser) addrs(name, s string, v4 bool) (out []netip.Addr) {
	for _, part := range list(s) {
		a, err := netip.ParseAddr(part)
		if err != nil || a.Is4() != v4 {
			p.wrong(name, "holds addresses of its family; %q is none", part)
			continue
		}
		out = append(out, a)
	}
	return out
}

func (p *parser) nameServers(s string) (out []NameServer) {
	for _, part := range list(s) {
		label, addr, ok := strings.Cut(part, "=")
		a, err := netip.ParseAddr(addr)
		if !ok || err != nil || label == "" {
			p.wrong("edge.name_servers", "holds label=address; %q is none", part)
			continue
		}
		if label = strings.ToLower(label); strings.Contains(label, ".") {
			p.wrong("edge.name_servers", "names servers in edge.zone itself, as ns1=192.0.2.1; %q lies in a zone of another authority. Empty edge.dns where that one answers for edge.zone", label)
			continue
		}
		if n := slices.IndexFunc(out, func(o NameServer) bool { return o.Label == label }); n >= 0 {
			out[n].Addresses = append(out[n].Addresses, a)
			continue
		}
		out = append(out, NameServer{Label: label, Addresses: []netip.Addr{a}})
	}
	return out
}

func (p *parser) roots(s string) (out []Root) {
	for _, part := range list(s) {
		name, addr, ok := strings.Cut(part, "=")
		a, err := netip.ParseAddr(addr)
		if !ok || err != nil {
			p.wrong("dns.root_hints", "holds name=address; %q is none", part)
			continue
		}
		out = append(out, Root{Name: name, Address: a})
	}
	return out
}

// maxAnchors is more than a root has while it rolls over.
const maxAnchors = 8

func (p *parser) anchors(s string) []string {
	out := list(s)
	if len(out) > maxAnchors {
		p.wrong("dns.trust_anchors", "holds at most %d DS records, not %d", maxAnchors, len(out))
		return nil
	}
	for _, part := range out {
		if _, err := dnscheck.TrustAnchor(part); err != nil {
			p.wrong("dns.trust_anchors", "holds DS records of the root: %v", err)
		}
	}
	return out
}

// mostPerServer is more than anybody's servers should get of us, and enough for a lab in which two stand for all.
const mostPerServer = 10_000

func (p *parser) perServer(n int) int {
	if n < 1 || n > mostPerServer {
		p.wrong("dns.per_server_qps", "is 1 to %d questions a second, not %d", mostPerServer, n)
	}
	return n
}

func (p *parser) resolvers(s string) (out []Resolver) {
	for _, part := range list(s) {
		name, rest, ok := strings.Cut(part, "=")
		addr, region, _ := strings.Cut(rest, ";")
		a, err := netip.ParseAddrPort(addr)
		if !ok || err != nil {
			p.wrong("dns.resolvers", "holds name=address:port[;region]; %q is none", part)
			continue
		}
		out = append(out, Resolver{Name: name, Region: region, Address: a})
	}
	return out
}

func (p *parser) cas(s string) (out []CA) {
	for _, part := range list(s) {
		f := strings.Split(part, "|")
		if len(f) < 3 || len(f) > 5 || !strings.HasPrefix(f[1], "https://") || len(f) == 5 && f[4] != "dns-persist-01" {
			p.wrong("acme.cas", "holds name|https://directory|CAA identity[|file of roots[|dns-persist-01]]; %q is none", part)
			continue
		}
		ca := CA{Name: f[0], Directory: f[1], Identity: f[2]}
		if len(f) > 3 {
			ca.Roots = f[3]
		}
		ca.Persist = len(f) == 5
		out = append(out, ca)
	}
	return out
}

func onLoopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}
