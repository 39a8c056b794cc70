// Package slow is a network with a long way: between those who ask on loopback and the servers there it holds every answer back, and it
// counts how many questions waited for an answer before they could be asked. On loopback ten questions one after the other look as quick as
// one; here each of them costs the way there and back.
package slow

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/lab/loopback"
)

// Network is the way to any number of servers. Its methods may be called at the same time.
type Network struct {
	Delay time.Duration // there and back; a TCP connection takes no time to open

	mu      sync.Mutex
	arrived []Question
	deepest int // round of the answers that were let go
}

// Question is one that came by.
type Question struct {
	To    netip.AddrPort
	Name  string // in lower case
	Type  uint16
	Round int // 1 for those asked before any answer was there, 2 for those that may have needed one, and so on
}

// TB is what a link needs of a *testing.T.
type TB interface {
	Helper()
	Cleanup(func())
	Context() context.Context
	Fatalf(format string, args ...any)
}

// Link opens a way to a server, over UDP and TCP, until the test ends, and answers where it begins.
func (n *Network) Link(t TB, to netip.AddrPort) netip.AddrPort {
	t.Helper()
	here := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	port, sockets, err := loopback.BindDNS(t.Context(), 0, []netip.Addr{here}, nil)
	if err != nil {
		t.Fatalf("open a way to %s: %v", to, err)
	}
	t.Cleanup(loopback.ServeDNS(sockets[here], dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) { n.carry(t.Context(), to, w, m) })))
	return netip.AddrPortFrom(here, uint16(port))
}

// carry asks at once and answers late. The round of a question is one more than that of the latest answer which was there when it came.
func (n *Network) carry(ctx context.Context, to netip.AddrPort, w dns.ResponseWriter, m *dns.Msg) {
	n.mu.Lock()
	q := Question{To: to, Name: dns.CanonicalName(m.Question[0].Name), Type: m.Question[0].Qtype, Round: n.deepest + 1}
	n.arrived = append(n.arrived, q)
	n.mu.Unlock()
	late := time.NewTimer(n.Delay)
	defer late.Stop()
	c := dns.Client{Net: w.RemoteAddr().Network(), Timeout: 5 * time.Second, UDPSize: dns.DefaultMsgSize}
	r, _, err := c.ExchangeContext(ctx, m, to.String())
	if err != nil {
		return // a silent server stays silent
	}
	select {
	case <-late.C:
	case <-ctx.Done():
		return
	}
	n.mu.Lock()
	n.deepest = max(n.deepest, q.Round)
	n.mu.Unlock()
	_ = w.WriteMsg(r)
}

// Questions are all that came by, in their order.
func (n *Network) Questions() []Question {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]Question{}, n.arrived...)
}
