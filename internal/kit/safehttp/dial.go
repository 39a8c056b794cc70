package safehttp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

const (
	dialTimeout  = 5 * time.Second
	maxAddresses = 32 // an answer with more is not a web server's
	tryAddresses = 4
)

// Dialer opens connections to checked addresses; for callers that speak something else than http, and for proxies.
type Dialer struct {
	Options
	LoopbackOnly bool
}

// DialContext resolves the host of address once, refuses if any of its addresses is not public (or, for the lab,
// loopback), and connects to the first of them that answers.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, &Error{Reason: Invalid, Detail: "no port", Err: err}
	}
	if host, err = asciiHost(host); err != nil {
		return nil, err
	}
	addrs, err := d.addresses(ctx, host, d.LoopbackOnly)
	if err != nil {
		return nil, err
	}
	var problems []error
	dialer := net.Dialer{Timeout: dialTimeout}
	for _, addr := range addrs[:min(len(addrs), tryAddresses)] {
		conn, err := dialer.DialContext(ctx, network, net.JoinHostPort(addr.String(), port))
		if err == nil {
			return conn, nil
		}
		problems = append(problems, err)
	}
	return nil, fmt.Errorf("dial %s: %w", host, errors.Join(problems...))
}

// addresses are all addresses of host, each checked. One bad address spoils the name: which one a second question
// would prefer is up to whoever runs that name.
func (o Options) addresses(ctx context.Context, host string, plain bool) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, o.checkAddr(addr, plain)
	}
	found, err := o.resolver().LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", host, err)
	}
	if len(found) == 0 || len(found) > maxAddresses {
		return nil, &Error{Reason: Invalid, Detail: fmt.Sprintf("%s has %d addresses", host, len(found))}
	}
	addrs := make([]netip.Addr, 0, len(found))
	for _, addr := range found {
		addr = addr.Unmap() // net.Resolver writes plain IPv4 answers in mapped form
		if err := o.checkAddr(addr, plain); err != nil {
			return nil, err
		}
		addrs = append(addrs, addr)
	}
	return addrs, nil
}

func (o Options) checkAddr(addr netip.Addr, plain bool) error {
	if o.AllowLoopbackHTTP && addr.IsLoopback() && addr.Zone() == "" && !addr.Is4In6() {
		return nil
	}
	if plain {
		return &Error{Reason: NotHTTPS, Detail: "plain http is for this machine alone"}
	}
	return PublicAddr(addr)
}
