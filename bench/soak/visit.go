package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// away says until when the edge may answer nobody, because it is down on purpose (Unix nanoseconds).
var away atomic.Int64

// expectAway is called before the edge goes away.
func expectAway(d time.Duration) { away.Store(time.Now().Add(d).UnixNano()) }

// crowd visits all names in turn, until stop.
type crowd struct {
	end  context.CancelFunc
	wg   sync.WaitGroup
	mu   sync.Mutex
	done map[string]int // by what came of it
	why  []string       // of faults, the first few
	took []time.Duration
}

func (h *house) visit(ctx context.Context, visitors int) *crowd {
	ctx, end := context.WithCancel(ctx)
	c := &crowd{end: end, done: map[string]int{}}
	for k := range visitors {
		c.wg.Go(func() {
			for n := k * len(h.names) / visitors; ctx.Err() == nil; n++ {
				host, began := h.names[n%len(h.names)], time.Now()
				err := h.visitOnce(ctx, host)
				if ctx.Err() == nil {
					c.note(host, began, err)
				}
				select {
				case <-ctx.Done():
				case <-time.After(20 * time.Millisecond):
				}
			}
		})
	}
	return c
}

func (c *crowd) stop() { c.end(); c.wg.Wait() }

// visitOnce asks for a name over a new connection, as somebody whose resolver knows the edge's address.
func (h *house) visitOnce(ctx context.Context, host string) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(h.world.RootsPEM())
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: host}, DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, h.world.Addresses.EdgeHTTPS)
	}}
	defer tr.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+"/soak", nil)
	if err != nil {
		return err
	}
	res, err := (&http.Client{Transport: tr, Timeout: 15 * time.Second}).Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the answer is %s", res.Status)
	}
	return nil
}

// note sorts what came of a visit. A certificate that is wrong is a fault at any time; that nobody answers is none while the edge is down on purpose.
func (c *crowd) note(host string, began time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wrong, _ := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case err == nil:
		c.done["served"]++
		c.took = append(c.took, time.Since(began))
		return
	case wrong != nil:
		c.done["wrong or expired certificate"]++
	case strings.Contains(err.Error(), "unrecognized name"):
		c.done["refused a name that is ours"]++
	case began.UnixNano() < away.Load() && !strings.HasPrefix(err.Error(), "the answer is"):
		c.done["nobody there while the edge was restarted"]++
		return
	default:
		c.done["failed"]++
	}
	if len(c.why) < 20 {
		c.why = append(c.why, time.Now().Format("15:04:05 ")+host+": "+err.Error())
	}
}

func (c *crowd) fault() error {
	if len(c.why) > 0 {
		return errors.New("visitors met faults:\n" + strings.Join(c.why, "\n"))
	}
	if c.done["served"] == 0 {
		return errors.New("nobody was served")
	}
	return nil
}

func (c *crowd) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.Sort(c.took)
	at := func(q float64) time.Duration {
		if len(c.took) == 0 {
			return 0
		}
		return c.took[int(q*float64(len(c.took)-1))].Round(time.Millisecond)
	}
	return fmt.Sprintf("visits: %v; with a new connection each, p50 %s, p99 %s, at most %s", c.done, at(.5), at(.99), at(1))
}
