package edge

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// formerEnds is how long what is under way at a name's former holder may go on after the name has changed hands.
const formerEnds = 10 * time.Second

// table is the projection in memory.
type table struct {
	mu         sync.RWMutex
	names      map[string]*name
	generation int64
}

// name is one entry and what belongs to it here. It is replaced as a whole, and its entry is never written to.
type name struct {
	edgeentry.Entry
	origin *url.URL // nil: no upstream, or one that cannot be read

	// withdrawn ends when requests for the name must: it was withdrawn, suspended, or belongs to another connection now.
	withdrawn context.Context
	withdraw  context.CancelFunc
	active    *atomic.Int64 // requests that are under way
	circuit   atomic.Pointer[circuit]
	meter     atomic.Pointer[meter]
	former    *name // what answers until a moment from now, because the name has just changed hands; nil almost always
	until     time.Time
	signed    atomic.Pointer[signature]
}

func newName(entry edgeentry.Entry, old *name) *name {
	n := &name{Entry: entry}
	if entry.Route.Upstream != nil {
		if u, err := url.Parse(entry.Route.Upstream.OriginURL); err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") {
			n.origin = u
		}
	}
	if old != nil && old.former != nil && old.ConnectionID == n.ConnectionID {
		n.former, n.until = old.former, old.until
		if f := entry.Route.Former; f != nil && f.Until.Before(n.until) { // its certificate has come
			n.until = f.Until
			time.AfterFunc(time.Until(f.Until)+formerEnds, n.former.withdraw)
		}
	} else if f := entry.Route.Former; f != nil && time.Now().Before(f.Until) {
		if n.former, n.until = old, f.Until; old == nil || old.ConnectionID != f.ConnectionID {
			n.former = newName(f.Entry(entry.Hostname), old)
		}
		old = nil // it goes on, and ends at its time
		time.AfterFunc(time.Until(f.Until)+formerEnds, n.former.withdraw)
	}
	if old != nil && old.serves() && n.serves() && old.ConnectionID == n.ConnectionID {
		n.withdrawn, n.withdraw, n.active = old.withdrawn, old.withdraw, old.active
		return n
	}
	if old != nil {
		old.withdraw()
	}
	n.withdrawn, n.withdraw = context.WithCancel(context.Background())
	n.active = new(atomic.Int64)
	return n
}

// end ends the requests of a name that is gone, and of whoever still answers for it.
func (n *name) end() {
	n.withdraw()
	if n.former != nil {
		n.former.withdraw()
	}
}

// serves says whether requests may reach the upstream.
func (n *name) serves() bool { return n.Mode == edgeentry.Proxy && n.Serve }

// apply takes a snapshot over and answers the entries whose certificate is new.
func (t *table) apply(s edgeentry.Snapshot, all bool) (fresh []edgeentry.Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.names
	if all || before == nil {
		t.names = make(map[string]*name, len(s.Entries))
	}
	for _, entry := range s.Entries {
		old := before[entry.Hostname]
		if entry.Mode == edgeentry.Gone {
			if old != nil {
				old.end()
			}
			delete(t.names, entry.Hostname)
			continue
		}
		if !all && old != nil && old.Generation > entry.Generation {
			continue // a row that came early with the generation before
		}
		t.names[entry.Hostname] = newName(entry, old)
		if entry.CertificateID != nil && (old == nil || old.CertificateID == nil || *old.CertificateID != *entry.CertificateID) {
			fresh = append(fresh, entry)
		}
	}
	if all {
		for host, old := range before {
			if t.names[host] == nil {
				old.end()
			}
		}
		fresh = nil // a start warms nothing: the first handshake of each name does
	}
	t.generation = s.Generation
	return fresh
}

// find is the entry that answers for a host: its own, else that of the wildcard above it, else that of the name above it which has all below, else nil.
func (t *table) find(host string) *name {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if n := t.names[host]; n != nil {
		return n.now()
	}
	_, parent, below := strings.Cut(host, ".")
	if !below {
		return nil
	}
	if n := t.names["*."+parent]; n != nil {
		return n.now()
	}
	if n := t.names[parent].now(); n != nil && n.Route.Below {
		return n
	}
	return nil
}

// now is who answers: the former holder of a name to the instant, and then the new one.
func (n *name) now() *name {
	if n != nil && n.former != nil && time.Now().Before(n.until) {
		return n.former
	}
	return n
}

// certificates are those that names present.
func (t *table) certificates() map[ident.CertificateID]bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	out := make(map[ident.CertificateID]bool, len(t.names))
	for _, n := range t.names {
		if n.CertificateID != nil {
			out[*n.CertificateID] = true
		}
	}
	return out
}

func (t *table) at() int64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.generation
}

// Allowed says whether a certificate may be ordered for a host (I1). It reads memory alone: no DNS, no database, no billing.
func (e *Edge) Allowed(host string) bool {
	n := e.table.find(host)
	return n != nil && n.CertAllowed && n.Mode == edgeentry.Proxy
}

// Generation is the newest that is in force here.
func (e *Edge) Generation() int64 { return e.table.at() }
