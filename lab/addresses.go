package lab

import "net/netip"

// Addresses says where everything of the world listens.
type Addresses struct {
	DNSPort    int              // one port for every name server and resolver
	Root       netip.AddrPort   // the root server: the only hint anybody needs
	TLD        netip.AddrPort   // lab., co.lab. and pages.lab.
	Edge       []netip.AddrPort // where the product's own name servers have to listen
	Recursors  []netip.AddrPort
	CAResolver netip.AddrPort

	EdgeHTTP  string // host:port that the CA and visitors reach for http, free when the world started
	EdgeHTTPS string

	Page      string // the lab page
	Providers string // pages of the DNS providers
	Zones     string // base of the provider plain's API
	CA, CA2   string // ACME directories
	SMTP      string // host:port
	Mail      string // the mails as a page and as JSON
	Hooks     string // the webhook sink
	Origin    string // the echo application
	HostPage  string
	EvilPage  string
	Bound     []string // every address that is bound, for the proof that all are loopback
}

// addr is an address of the plan 127.<net>.a.b.
func (p plan) addr(a, b byte) netip.Addr { return netip.AddrFrom4([4]byte{127, p.net, a, b}) }

// plan is the fixed plan of addresses: one port, and an address for each server, so that delegations need
// no port tricks.
type plan struct{ net byte }

func (p plan) root() netip.Addr       { return p.addr(0, 1) }
func (p plan) tld() netip.Addr        { return p.addr(0, 2) }
func (p plan) plain() []netip.Addr    { return []netip.Addr{p.addr(1, 1), p.addr(1, 2)} }
func (p plan) flat() []netip.Addr     { return []netip.Addr{p.addr(2, 1)} }
func (p plan) lagging() []netip.Addr  { return []netip.Addr{p.addr(3, 1), p.addr(3, 2), p.addr(3, 3)} }
func (p plan) parking() []netip.Addr  { return []netip.Addr{p.addr(5, 1)} }
func (p plan) edge() []netip.Addr     { return []netip.Addr{p.addr(7, 1), p.addr(7, 2)} }
func (p plan) recursor() []netip.Addr { return []netip.Addr{p.addr(9, 1), p.addr(9, 2)} }
func (p plan) caResolver() netip.Addr { return p.addr(9, 3) }
