package edge

import (
	"container/list"
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
	keysMost  = 20_000          // kept in memory; about 5 kB each
	warmAtAll = 4               // opened beside each other before anybody asks
)

// certs are the certificates that this node has opened, those that were presented last. Each is opened once however many clients wait for it; with the
// database away what is here goes on to be presented.
type certs struct {
	keys Keys
	most int // 0: keysMost

	mu      sync.Mutex
	recent  list.List // of *opened, the one presented last in front
	byID    map[ident.CertificateID]*list.Element
	byHost  map[string]*list.Element // what a host presented last, for when its new certificate cannot be opened
	opening map[ident.CertificateID]*opening
}

// opened is a certificate that is ready to be presented.
type opened struct {
	id         ident.CertificateID
	host       string
	connection ident.ConnectionID
	notAfter   time.Time
	below      bool        // it holds the names below the host too
	config     *tls.Config // the same for all its handshakes
}

type opening struct {
	done   chan struct{}
	opened *opened
	err    error
}

// get opens the entry's certificate, or finds it.
func (c *certs) get(ctx context.Context, entry *edgeentry.Entry) (*opened, error) {
	id := *entry.CertificateID
	c.mu.Lock()
	if found := c.byID[id]; found != nil {
		c.recent.MoveToFront(found)
		c.mu.Unlock()
		return found.Value.(*opened), nil
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
		return o.opened, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.byHost[entry.Hostname]; old != nil && old.Value.(*opened).connection == entry.ConnectionID {
		return old.Value.(*opened), nil
	}
	return nil, o.err
}

func (c *certs) open(ctx context.Context, entry *edgeentry.Entry, o *opening) {
	defer close(o.done)
	ctx, cancel := context.WithTimeout(ctx, keyTime)
	defer cancel()
	id := *entry.CertificateID
	certificate, err := c.keys.Load(ctx, id)
	if err == nil && certificate == nil {
		err = errNoCertificate
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.opening, id)
	if err != nil {
		o.err = fmt.Errorf("open the certificate %s: %w", id, err)
		return
	}
	o.opened = &opened{id: id, host: entry.Hostname, connection: entry.ConnectionID}
	if certificate.Leaf != nil {
		o.opened.notAfter = certificate.Leaf.NotAfter
		o.opened.below = entry.Route.Below && certificate.Leaf.VerifyHostname("any."+entry.Hostname) == nil
	}
	kept := *certificate
	kept.Leaf = nil // half of the memory, and not needed to present it
	o.opened.config = &tls.Config{MinVersion: tls.VersionTLS12, CipherSuites: suites, NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{kept}}
	c.keep(o.opened)
}

// keep puts it in front, and lets go of what nobody asked for the longest.
func (c *certs) keep(o *opened) {
	if c.byID == nil {
		c.byID, c.byHost = map[ident.CertificateID]*list.Element{}, map[string]*list.Element{}
	}
	at := c.recent.PushFront(o)
	if before := c.byHost[o.host]; before != nil { // replaced, and never asked for again
		c.forget(before)
	}
	c.byID[o.id], c.byHost[o.host] = at, at
	most := c.most
	if most == 0 {
		most = keysMost
	}
	for c.recent.Len() > most {
		c.forget(c.recent.Back())
	}
}

// withhold forgets what names presented that present nothing now: a certificate that was revoked is not shown in the place of one that cannot be opened.
func (c *certs) withhold(entries []edgeentry.Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range entries {
		if at := c.byHost[e.Hostname]; at != nil && e.CertificateID == nil {
			c.forget(at)
		}
	}
}

func (c *certs) forget(at *list.Element) {
	o := c.recent.Remove(at).(*opened)
	delete(c.byID, o.id)
	if c.byHost[o.host] == at {
		delete(c.byHost, o.host)
	}
}

// warm opens certificates that were just issued, so that the first visitor does not wait.
func (c *certs) warm(entries []edgeentry.Entry) {
	places := make(chan struct{}, warmAtAll)
	var wg sync.WaitGroup
	defer wg.Wait()
	for k := range entries {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			_, _ = c.get(context.Background(), &entries[k]) // what fails here is tried again by the first handshake
		})
	}
}
