// Package wire asks one DNS server one question and believes as little as possible of what comes back.
//
// The answer must have the random id, the question in the random letter case (draft-vixie-dnsext-dns0x20), the class and the cookie (RFC 7873) that were sent,
// come on a socket that is connected to the server from a random port, and its records must lie on the chain of CNAMEs that begins at the name asked for (RFC 5452).
// Truncated and lost answers are asked for again over TCP, and servers that trip over EDNS (RFC 6891) without it. Nobody is asked more
// often than the limiter allows.
package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
)

// What can go wrong, as seen from here. Everything else is an answer, whatever its code.
var (
	ErrSilent  = errors.New("no answer")                          // the server did not answer, over UDP and TCP
	ErrGarbled = errors.New("answer cannot be read")              // it answered with something that is no DNS message
	ErrOurs    = errors.New("our own network cannot send")        // nothing left this machine: says nothing about the server
	ErrPrivate = errors.New("address is not public")              // refused, so that a zone cannot point us at our own network
	ErrStopped = errors.New("no time was left for this question") // the caller's context ended
)

// Client asks. Its zero value is strict and unlimited; its methods may be called at the same time. It is not copied.
// Nothing is open and nothing runs while nothing is asked; its sockets are bounded (line.go).
type Client struct {
	AllowPrivate bool                          // the lab: also loopback and private addresses
	AddressMap   map[netip.Addr]netip.AddrPort // the lab: where an address really is
	Limit        Limiter[netip.Addr]           // per server address
	ZoneLimit    Limiter[string]               // per zone, over all its servers

	cookies jar
	lines   lines
	flights flights
}

// Question is one question to one server.
type Question struct {
	Server  netip.AddrPort
	Zone    string // that the server is asked about, for the limit; "" for one that is asked for everybody
	Name    string // canonical, with the final dot
	Type    uint16
	Recurse bool          // RD=1, for resolvers
	Timeout time.Duration // for each transport
	UDPOnly bool          // silence is final: the caller has another address to ask
	TCPOnly bool          // UDP was tried
	Place   Place         // in the limiter
	Trusted bool          // an address from the settings: may be private

	who netip.Addr // the server before the map, whose cookie it is
}

// Reply is an answer that belongs to its question.
type Reply struct {
	Rcode         int
	Authoritative bool
	Answer        []dns.RR // class IN, on the chain of CNAMEs that begins at the name asked for
	Authority     []dns.RR // class IN
	Additional    []dns.RR // class IN, addresses only
	Signatures    []*dns.RRSIG
	Elapsed       time.Duration

	cookie string // that the server sent, ours among it
}

// maxUDP is what we offer (DNS flag day 2020); maxPacket what we read of a server that sends more.
const (
	maxUDP    = 1232
	maxPacket = 4096
)

// Ask sends the question and waits for its answer, which others who ask the same may share: nobody changes it.
func (c *Client) Ask(ctx context.Context, q Question) (Reply, error) {
	if !c.AllowPrivate && !q.Trusted && safehttp.PublicAddr(q.Server.Addr()) != nil {
		return Reply{}, fmt.Errorf("ask %s: %w", q.Server.Addr(), ErrPrivate)
	}
	return c.flights.share(ctx, q, func() (Reply, error) { return c.limited(ctx, q) })
}

// limited asks when the limits allow it.
func (c *Client) limited(ctx context.Context, q Question) (Reply, error) {
	if c.Limit.Wait(ctx, q.Server.Addr(), q.Place) != nil || q.Zone != "" && c.ZoneLimit.Wait(ctx, q.Zone, q.Place) != nil {
		return Reply{}, ErrStopped
	}
	if err := c.lines.begin(ctx); err != nil {
		return Reply{}, err
	}
	defer c.lines.end()
	q.who = q.Server.Addr()
	if real, ok := c.AddressMap[q.Server.Addr()]; ok {
		q.Server = real
	}
	start := time.Now()
	r, err := c.ask(ctx, q)
	r.Elapsed = time.Since(start)
	if err != nil && ctx.Err() != nil {
		err = ErrStopped
	}
	return r, err
}

func (c *Client) ask(ctx context.Context, q Question) (Reply, error) {
	if !q.TCPOnly {
		r, err := c.over(ctx, "udp", q, true)
		if errors.Is(err, errCookie) {
			r, err = c.over(ctx, "udp", q, true) // with the cookie that it gave
		}
		if errors.Is(err, errEDNS) {
			r, err = c.over(ctx, "udp", q, false)
		}
		silent := errors.Is(err, ErrSilent) && !q.UDPOnly && !errors.Is(err, syscall.ECONNREFUSED)
		if !silent && !errors.Is(err, errTCP) && !errors.Is(err, errCookie) {
			return r, err
		}
	}
	r, err := c.over(ctx, "tcp", q, true)
	if errors.Is(err, errEDNS) {
		r, err = c.over(ctx, "tcp", q, false)
	}
	if errors.Is(err, errCookie) || errors.Is(err, errEDNS) {
		err = ErrGarbled // it asks for what it was given
	}
	return r, err
}

// over asks once over one transport.
func (c *Client) over(ctx context.Context, network string, q Question, edns bool) (Reply, error) {
	cookie := ""
	if edns && !q.Recurse {
		cookie = c.cookies.of(q.who)
	}
	sent, err := newQuery(q, edns, network == "udp", cookie)
	if err != nil {
		return Reply{}, fmt.Errorf("%w: %w", ErrGarbled, err)
	}
	exchange := c.overUDP
	if network == "tcp" {
		exchange = c.overTCP
	}
	r, err := exchange(ctx, sent)
	switch {
	case r.cookie != "":
		c.cookies.keep(q.who, r.cookie)
	case err == nil && network == "tcp" && len(cookie) > serverCookie:
		c.cookies.drop(q.who)
	}
	return r, err
}

func (c *Client) overUDP(ctx context.Context, sent *query) (Reply, error) {
	for {
		l, err := c.lines.enter(sent.Server)
		if err != nil {
			return Reply{}, err
		}
		r, err := l.ask(ctx, sent)
		c.lines.leave(sent.Server, l)
		if !errors.Is(err, errWorn) {
			return r, err
		}
	}
}

func (c *Client) overTCP(ctx context.Context, sent *query) (Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, sent.Timeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", sent.Server.String())
	if err != nil {
		return Reply{}, classify(err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(sent.packet))), sent.packet...)
	if _, err := conn.Write(framed); err != nil {
		return Reply{}, classify(err)
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return Reply{}, classify(err)
	}
	buf := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, buf); err != nil {
		return Reply{}, classify(err)
	}
	r, err := read(buf, sent, false)
	if errors.Is(err, errStray) || errors.Is(err, errTCP) {
		err = ErrGarbled // nobody else can write into this connection
	}
	return r, err
}

// ours are errors of this machine: no route, no address of that family, no descriptors.
var ours = []error{
	syscall.ENETUNREACH, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT, syscall.ENETDOWN, syscall.EPERM, syscall.EACCES,
	syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EINVAL,
}

func classify(err error) error {
	for _, e := range ours {
		if errors.Is(err, e) {
			return fmt.Errorf("%w: %w", ErrOurs, err)
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return ErrSilent
	}
	return fmt.Errorf("%w: %w", ErrSilent, err)
}
