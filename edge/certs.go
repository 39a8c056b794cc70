package edge

import (
	"context"
	"crypto/tls"
	"fmt"
	"sync"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

const (
	keyTime   = 5 * time.Second // opening one sealed key
	keysMost  = 50_000          // kept in memory; about 10 kB each
	warmAtAll = 4               // opened beside each other before anybody asks
)

// certs are the certificates that this node has opened. Each is opened once however many clients wait for it, and kept; with the database away
// what is here goes on to be presented.
type certs struct {
	keys Keys

	mu      sync.Mutex
	opened  map[ident.CertificateID]*tls.Certificate
	last    map[string]held // by host: what it presented last, for when its new certificate cannot be opened
	opening map[ident.CertificateID]*opening
}

type held struct {
	connection  ident.ConnectionID
	certificate *tls.Certificate
}

type opening struct {
	done        chan struct{}
	certificate *tls.Certificate
	err         error
}

// get opens the entry's certificate, or finds it.
func (c *certs) get(ctx context.Context, entry edgeentry.Entry) (*tls.Certificate, error) {
	id := *entry.CertificateID
	c.mu.Lock()
	if found := c.opened[id]; found != nil {
		c.mu.Unlock()
		return found, nil
	}
	o := c.opening[id]
	if o == nil {
		o = &opening{done: make(chan struct{})}
		if c.opening == nil {
			c.opening = map[ident.CertificateID]*opening{}
		}
		c.opening[id] = o
		go c.open(context.WithoutCancel(ctx), entry, o) // others wait for it too; ends within keyTime
	}
	c.mu.Unlock()
	select {
	case <-o.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if o.err == nil {
		return o.certificate, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.last[entry.Hostname]; old.certificate != nil && old.connection == entry.ConnectionID {
		return old.certificate, nil
	}
	return nil, o.err
}

func (c *certs) open(ctx context.Context, entry edgeentry.Entry, o *opening) {
	defer close(o.done)
	ctx, cancel := context.WithTimeout(ctx, keyTime)
	defer cancel()
	id := *entry.CertificateID
	o.certificate, o.err = c.keys.Load(ctx, id)
	if o.err == nil && o.certificate == nil {
		o.err = errNoCertificate
	}
	if o.err != nil {
		o.err = fmt.Errorf("open the certificate %s: %w", id, o.err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.opening, id)
	if o.err != nil {
		return
	}
	if c.opened == nil {
		c.opened, c.last = map[ident.CertificateID]*tls.Certificate{}, map[string]held{}
	}
	for forgotten := range c.opened { // map order is random; whoever is missed is opened again
		if len(c.opened) < keysMost {
			break
		}
		delete(c.opened, forgotten)
	}
	for host := range c.last {
		if len(c.last) < keysMost {
			break
		}
		delete(c.last, host)
	}
	c.opened[id], c.last[entry.Hostname] = o.certificate, held{entry.ConnectionID, o.certificate}
}

// warm opens certificates that were just issued, so that the first visitor does not wait.
func (c *certs) warm(entries []edgeentry.Entry) {
	places := make(chan struct{}, warmAtAll)
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, entry := range entries {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			_, _ = c.get(context.Background(), entry) // what fails here is tried again by the first handshake
		})
	}
}
