package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// strangersRate is how many handshakes a second ask for names that nobody knows.
const strangersRate = 10_000

// strangers asks for unknown names without pause, and measures what that does to handshakes of a known one, and to memory.
func strangers(ctx context.Context, o options) error {
	p, _, leave, err := single(ctx, setting{Origin: "127.0.0.1:9"})
	defer leave()
	if err != nil {
		return err
	}
	known := func(ctx context.Context, _ int, seen *[]time.Duration) (n int, err error) {
		t := time.NewTicker(10 * time.Millisecond)
		defer t.Stop()
		for ; ctx.Err() == nil; n++ {
			<-t.C
			began := time.Now()
			v, err := visitTo(p.address, "/")
			if err != nil {
				return n, err
			}
			*seen = append(*seen, time.Since(began))
			_ = v.NetConn().Close()
		}
		return n, nil
	}
	alone, err := crowd(ctx, 4, p, o.each, known)
	if err != nil {
		return err
	}
	before := p.memory()
	flood, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	var refused atomic.Int64
	var wrong atomic.Pointer[error]
	began := time.Now()
	for k := range 32 {
		wg.Go(func() {
			gap := time.Second * 32 / strangersRate
			for due := began; flood.Err() == nil; due = due.Add(gap) {
				if wait := time.Until(due); wait > 0 {
					time.Sleep(wait)
				}
				if err := stranger(p.address, fmt.Sprintf("x%d-%d.nobody.example", k, due.UnixNano())); err != nil {
					wrong.Store(&err)
					return
				}
				refused.Add(1)
			}
		})
	}
	cpu := p.cpu()
	beside, err := crowd(ctx, 4, p, 2*o.each, known)
	cpu = p.cpu() - cpu
	stop()
	wg.Wait()
	if err != nil {
		return err
	}
	if err := wrong.Load(); err != nil {
		return *err
	}
	fmt.Printf("%.0f unknown names a second: handshakes of a known one p50 %s ms, p99 %s ms (alone %s and %s); the edge used %.2f of a core; memory %d MB before, %d MB after\n",
		float64(refused.Load())/time.Since(began).Seconds(), ms(beside.p50), ms(beside.p99), ms(alone.p50), ms(alone.p99), cpu.Seconds()/beside.seconds, before, p.memory())
	return nil
}

// hello is a client's first flight, recorded once; only the name in it changes.
var hello = sync.OnceValue(func() []byte {
	client, server := net.Pipe()
	config := visitor()
	config.ServerName = placeholder
	go func() { _ = tls.Client(client, config).Handshake() }()
	record := make([]byte, 16<<10)
	n, _ := server.Read(record)
	_ = server.Close()
	return slices.Clone(record[:n])
})

var placeholder = strings.Repeat("n", 43) + ".nobody.example"

// stranger asks for a name and wants the alert unrecognized_name.
func stranger(address, name string) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	label, _, _ := strings.Cut(name, ".")
	padded := label + strings.Repeat("n", 43-len(label)) + ".nobody.example"
	if _, err := c.Write([]byte(strings.Replace(string(hello()), placeholder, padded, 1))); err != nil {
		return err
	}
	var alert [7]byte
	if _, err := io.ReadFull(c, alert[:]); err != nil {
		return err
	}
	if alert[0] != 21 || alert[6] != 112 {
		return errors.New("a stranger got something else than unrecognized_name")
	}
	return nil
}
