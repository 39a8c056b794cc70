package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

const (
	lines = 16 // connections at the same time …
	turns = 4  // … with so many requests on each
)

// protocol is a way to the edge; its client has one connection.
type protocol struct {
	name   string
	client func(address string) (c *http.Client, leave func())
}

// protocols asks our edge over HTTP/2 and over HTTP/3, in turns, with clients of the same language and as many connections and requests at the same time. What the
// clients cost is taken from the same cores, and differs too.
func protocols(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "bench-edge")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s := setting{Dir: dir, HTTP3: true}
	if s.identity, err = issue(dir); err != nil {
		return err
	}
	back, err := role(ctx, "role:origin", struct{}{}, &s.Origin)
	if err != nil {
		return err
	}
	defer back.stop()
	process, address, err := byRole("role:ours")(ctx, s)
	if err != nil {
		return err
	}
	defer process.stop()
	p := &place{process: process, address: address}
	for _, m := range []struct {
		name string
		do   func(context.Context, *place, options, protocol) (figure, error)
	}{{"requests of 1 kB", requestsOver}, {"new connections", connectionsOver}} {
		took := map[string][]figure{}
		for range o.rounds {
			for _, way := range []protocol{{"HTTP/2", overTCP}, {"HTTP/3", overQUIC}} {
				f, err := m.do(ctx, p, o, way)
				if err != nil {
					return fmt.Errorf("%s over %s: %w", m.name, way.name, err)
				}
				took[way.name] = append(took[way.name], f)
			}
		}
		for _, name := range []string{"HTTP/2", "HTTP/3"} {
			slices.SortFunc(took[name], func(a, b figure) int { return cmp.Compare(a.rate(), b.rate()) })
			f := took[name][len(took[name])/2]
			fmt.Printf("%s over %s: %.0f/s, p50 %s ms, p99 %s ms, CPU of the edge %.0f µs each\n", m.name, name, f.rate(), ms(f.p50), ms(f.p99), f.cost())
		}
	}
	return nil
}

func overTCP(address string) (*http.Client, func()) {
	t := &http.Transport{ForceAttemptHTTP2: true, MaxConnsPerHost: 1, TLSClientConfig: visitorOf("h2"), DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	return &http.Client{Transport: t, Timeout: 10 * time.Second}, t.CloseIdleConnections
}

func overQUIC(address string) (*http.Client, func()) {
	t := &http3.Transport{TLSClientConfig: visitorOf("h3"), Dial: func(ctx context.Context, _ string, config *tls.Config, c *quic.Config) (*quic.Conn, error) {
		return quic.DialAddrEarly(ctx, address, config, c)
	}}
	return &http.Client{Transport: t, Timeout: 10 * time.Second}, func() { _ = t.Close() }
}

func visitorOf(protocol string) *tls.Config {
	c := visitor()
	c.NextProtos = []string{protocol}
	return c
}

func requestsOver(ctx context.Context, p *place, o options, way protocol) (figure, error) {
	clients := make([]*http.Client, lines)
	for k := range clients {
		c, leave := way.client(p.address)
		defer leave()
		if clients[k] = c; getOver(c, way) != nil { // nothing is measured that happens once
			return figure{}, getOver(c, way)
		}
	}
	return crowd(ctx, lines*turns, p, o.each, func(ctx context.Context, k int, seen *[]time.Duration) (n int, err error) {
		for ; ctx.Err() == nil; n++ {
			began := time.Now()
			if err := getOver(clients[k%lines], way); err != nil {
				return n, err
			}
			*seen = append(*seen, time.Since(began))
		}
		return n, nil
	})
}

func connectionsOver(ctx context.Context, p *place, o options, way protocol) (figure, error) {
	return crowd(ctx, lines, p, o.each, func(ctx context.Context, _ int, seen *[]time.Duration) (n int, err error) {
		for ; ctx.Err() == nil; n++ {
			began := time.Now()
			c, leave := way.client(p.address)
			err := getOver(c, way)
			*seen = append(*seen, time.Since(began))
			if leave(); err != nil {
				return n, err
			}
		}
		return n, nil
	})
}

func getOver(c *http.Client, way protocol) error {
	res, err := c.Get("https://" + host + "/1k")
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if n, err := io.Copy(io.Discard, res.Body); err != nil || int(n) != sizes["/1k"] || res.StatusCode != http.StatusOK || !slices.Contains([]string{way.name, way.name + ".0"}, res.Proto) {
		return fmt.Errorf("%d octets over %s: %w", n, res.Proto, err)
	}
	return nil
}
