// Package loopback opens the lab's sockets. It binds loopback addresses and nothing else: the lab plays
// other people's servers and must not be reachable from a network.
package loopback

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Listen opens a TCP listener on 127.0.0.1. Port 0 means any free port. A port that is taken gives way to
// the next free one above it, up to 50 further.
func Listen(ctx context.Context, port int) (net.Listener, error) {
	var lc net.ListenConfig
	for try := port; ; try++ {
		l, err := lc.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(try)))
		if err == nil {
			return l, nil
		}
		if port == 0 || try-port >= 50 || !errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("listen on port %d of loopback: %w", port, err)
		}
	}
}

// Sockets are the two transports of one DNS server.
type Sockets struct {
	UDP net.PacketConn
	TCP net.Listener
}

// Close closes both.
func (s Sockets) Close() {
	_ = s.UDP.Close()
	_ = s.TCP.Close()
}

// freeLow and freeHigh bound the search for a port: below the ephemeral range, so that no other program's
// outgoing socket takes the port on an address that is bound later.
const freeLow, freeHigh = 21000, 32000

// Spare finds a port of 127.0.0.1 that nobody has bound, for UDP or TCP: somebody else binds it later, or again.
func Spare(ctx context.Context) (netip.AddrPort, error) {
	local := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	port, bound, err := BindDNS(ctx, 0, []netip.Addr{local}, nil)
	for _, s := range bound {
		s.Close()
	}
	return netip.AddrPortFrom(local, uint16(port)), err
}

// BindDNS binds UDP and TCP on every address, all on one port, and proves that the spare addresses are free
// on it too (somebody else binds them later). Port 0 searches for a free one at random; a fixed port that is
// taken gives way to one of the next twenty.
func BindDNS(ctx context.Context, port int, addrs, spare []netip.Addr) (int, map[netip.Addr]Sockets, error) {
	for _, a := range append(append([]netip.Addr(nil), addrs...), spare...) {
		if !a.IsLoopback() {
			return 0, nil, fmt.Errorf("bind %s: not a loopback address", a)
		}
	}
	tries := 20
	if port == 0 {
		tries = 200
	}
	var last error
	for n := range tries {
		try := port + n
		if port == 0 {
			try = freeLow + rand.IntN(freeHigh-freeLow)
		}
		bound, err := bindAll(ctx, try, addrs, spare)
		if err == nil {
			return try, bound, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return 0, nil, err
		}
		last = err
	}
	return 0, nil, fmt.Errorf("find a free port for %d name servers: %w", len(addrs), last)
}

func bindAll(ctx context.Context, port int, addrs, spare []netip.Addr) (_ map[netip.Addr]Sockets, err error) {
	bound := make(map[netip.Addr]Sockets, len(addrs))
	defer func() {
		if err != nil {
			for _, s := range bound {
				s.Close()
			}
		}
	}()
	for _, a := range addrs {
		if bound[a], err = bind(ctx, netip.AddrPortFrom(a, uint16(port))); err != nil {
			delete(bound, a)
			return nil, err
		}
	}
	for _, a := range spare {
		s, err := bind(ctx, netip.AddrPortFrom(a, uint16(port)))
		if err != nil {
			return nil, err
		}
		s.Close()
	}
	return bound, nil
}

func bind(ctx context.Context, at netip.AddrPort) (Sockets, error) {
	var lc net.ListenConfig
	u, err := lc.ListenPacket(ctx, "udp4", at.String())
	if err != nil {
		return Sockets{}, fmt.Errorf("bind udp %s: %w", at, err)
	}
	t, err := lc.Listen(ctx, "tcp4", at.String())
	if err != nil {
		_ = u.Close()
		return Sockets{}, fmt.Errorf("bind tcp %s: %w", at, err)
	}
	return Sockets{UDP: u, TCP: t}, nil
}

// Guard lets only the machine itself in: the Host must be a name of loopback, which ends DNS rebinding, and
// a page of a foreign origin cannot change anything.
func Guard(next http.Handler) http.Handler {
	var cross http.CrossOriginProtection
	next = cross.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLoopbackHost(r.Host) {
			http.Error(w, "the lab answers to localhost only", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isLoopbackHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && a.IsLoopback()
}

// Serve serves h on l until stop is called; stop ends open requests after a second.
func Serve(l net.Listener, h http.Handler) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	return func() {
		cancel()
		grace, end := context.WithTimeout(context.Background(), time.Second)
		defer end()
		if srv.Shutdown(grace) != nil {
			_ = srv.Close()
		}
		<-done
	}
}
