// Package lab is an internet in a box: a signed root and a top-level domain, DNS providers whose zones
// people and programs edit, resolvers with caches on a clock that can be moved, two certification
// authorities, a mail and a webhook sink, a website that embeds the widget and its evil twin. Everything is
// in this process and binds loopback addresses only; every start is a clean stage and nothing survives it.
//
// The lab knows nothing of the product. Who joins the two starts the world, starts the product in it with
// the addresses found in World.Addresses, and calls World.Embed.
package lab

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/lab/acmeca"
	"github.com/nameplate-dev/nameplate/lab/authority"
	"github.com/nameplate-dev/nameplate/lab/clock"
	"github.com/nameplate-dev/nameplate/lab/hostpage"
	"github.com/nameplate-dev/nameplate/lab/loopback"
	"github.com/nameplate-dev/nameplate/lab/provider"
	"github.com/nameplate-dev/nameplate/lab/recursor"
	"github.com/nameplate-dev/nameplate/lab/sink"
)

// Config of a world. The zero value takes the fixed ports for people, each giving way to the next free one.
type Config struct {
	Net           int           // second octet of the name servers' addresses, 127.<Net>.a.b; 53 when 0
	FreePorts     bool          // take free ports instead of the fixed ones, so that worlds do not meet
	DNSPort       int           // 20053 when 0 and not FreePorts
	EdgeHTTPPort  int           // where the CA and visitors find the product's edge; 20080 when 0
	EdgeHTTPSPort int           // 20443 when 0
	CertLifetime  time.Duration // of the CAs' certificates; 90 days when 0
	Log           *slog.Logger  // what the CAs do, at debug level; silent when nil
}

// World is a running lab.
type World struct {
	Clock     *clock.Clock
	Addresses Addresses
	Mail      *sink.Mail
	Hooks     *sink.Hooks

	plan      plan
	log       *slog.Logger
	providers map[string]*provider.Provider
	recursors []*recursor.Recursor
	resolver  *recursor.Recursor // the CA's

	root, tld *authority.Server

	cas           map[string]*acmeca.CA
	directoryRoot []byte

	host, evil *hostpage.Site

	mu       sync.Mutex
	zones    map[string]*hosted
	embedded Embed

	closing sync.Once
	stops   []func() // run last to first
}

// hosted is a zone with the servers that host it.
type hosted struct {
	zone     *authority.Zone
	provider *provider.Provider // nil for the registry's own
	servers  []*authority.Server
}

// New starts a world. It ends with Close; ctx bounds the start alone.
func New(ctx context.Context, cfg Config) (_ *World, err error) {
	if cfg.Net == 0 {
		cfg.Net = 53
	}
	if cfg.Net < 1 || cfg.Net > 254 {
		return nil, fmt.Errorf("start the lab: net %d is not from 1 to 254", cfg.Net)
	}
	w := &World{
		Clock: &clock.Clock{}, plan: plan{byte(cfg.Net)}, log: cfg.Log,
		providers: map[string]*provider.Provider{}, zones: map[string]*hosted{},
	}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	for _, start := range []func(context.Context, Config) error{w.startDNS, w.startCAs, w.startServices} {
		if err := start(ctx, cfg); err != nil {
			return nil, fmt.Errorf("start the lab: %w", err)
		}
	}
	return w, nil
}

// Close ends everything that the world started and waits for it. It may be called more than once.
func (w *World) Close() {
	w.closing.Do(func() {
		for _, stop := range slices.Backward(w.stops) {
			stop()
		}
	})
}

func (w *World) startDNS(ctx context.Context, cfg Config) error {
	p := w.plan
	port := cfg.DNSPort
	if port == 0 && !cfg.FreePorts {
		port = 20053
	}
	addrs := slices.Concat([]netip.Addr{p.root(), p.tld(), p.caResolver()}, p.plain(), p.flat(), p.lagging(), p.parking(), p.recursor())
	port, sockets, err := loopback.BindDNS(ctx, port, addrs, p.edge())
	if err != nil {
		return err
	}
	at := func(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, uint16(port)) }
	w.Addresses.DNSPort, w.Addresses.Root, w.Addresses.TLD, w.Addresses.CAResolver = port, at(p.root()), at(p.tld()), at(p.caResolver())
	for _, a := range p.edge() {
		w.Addresses.Edge = append(w.Addresses.Edge, at(a))
	}
	for i, a := range p.recursor() {
		w.Addresses.Recursors = append(w.Addresses.Recursors, at(a))
		name, region := []string{"res1", "res2"}[i], []string{"Frankfurt", "Oregon"}[i]
		w.recursors = append(w.recursors, recursor.New(name, region, at(a), at(p.root()), w.Clock.Now))
	}
	w.resolver = recursor.NewUncached("ca-resolver", at(p.caResolver()), at(p.root()), w.Clock.Now)
	w.populate()

	handlers := map[netip.Addr]dns.Handler{p.caResolver(): w.resolver}
	for i, a := range p.recursor() {
		handlers[a] = w.recursors[i]
	}
	for _, s := range w.servers() {
		handlers[netip.MustParseAddr(s.Addr)] = s
	}
	for _, a := range slices.SortedFunc(maps.Keys(sockets), netip.Addr.Compare) {
		w.Addresses.Bound = append(w.Addresses.Bound, at(a).String())
		w.stops = append(w.stops, loopback.ServeDNS(sockets[a], handlers[a]))
	}
	return nil
}

// servers lists every authoritative server of the world.
func (w *World) servers() []*authority.Server {
	out := []*authority.Server{w.root, w.tld}
	for _, name := range slices.Sorted(maps.Keys(w.providers)) {
		out = append(out, w.providers[name].Servers...)
	}
	return out
}

// Provider finds a DNS provider: plain, flat, lagging or parking. Another name is a mistake in the test: it
// panics.
func (w *World) Provider(name string) *provider.Provider {
	p := w.providers[name]
	if p == nil {
		panic(fmt.Sprintf("lab: no provider %q, only %v", name, slices.Sorted(maps.Keys(w.providers))))
	}
	return p
}

// Recursor finds a caching resolver by number, from 1.
func (w *World) Recursor(n int) *recursor.Recursor { return w.recursors[n-1] }

// Recursors lists the caching resolvers.
func (w *World) Recursors() []*recursor.Recursor { return slices.Clone(w.recursors) }

// CAResolver is the resolver of the CAs, which remembers nothing.
func (w *World) CAResolver() *recursor.Recursor { return w.resolver }

// freePort finds a port of loopback that nobody has bound; somebody else binds it later. With free it is
// searched below the ephemeral range, else from the wanted port upwards.
func freePort(ctx context.Context, wanted int, free bool) (string, error) {
	if free && wanted == 0 {
		at, err := loopback.Spare(ctx)
		return at.String(), err
	}
	l, err := loopback.Listen(ctx, wanted)
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
