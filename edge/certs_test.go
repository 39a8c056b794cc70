package edge

import (
	"fmt"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// What is asked for stays, what nobody asks for goes, and what went is opened again.
func TestCerts_KeepWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld()
	c := certs{keys: keys{w}, most: 3}
	entry := func(host string) *edgeentry.Entry {
		id := ident.New[ident.CertificateID](time.Now())
		w.keys[id] = testCA().issue(host, time.Now().Add(time.Hour))
		return &edgeentry.Entry{Hostname: host, ConnectionID: ident.New[ident.ConnectionID](time.Now()), CertificateID: &id}
	}
	get := func(e *edgeentry.Entry, loads int) {
		t.Helper()
		before := w.loads
		if o, err := c.get(t.Context(), e); err != nil || o.id != *e.CertificateID || w.loads-before != loads {
			t.Errorf("%s: %v, opened %d times", e.Hostname, err, w.loads-before)
		}
	}
	var all []*edgeentry.Entry
	for k := range 4 {
		all = append(all, entry(fmt.Sprintf("h%d.lab", k)))
	}
	for _, e := range all[:3] {
		get(e, 1)
	}
	get(all[0], 0)
	get(all[3], 1) // the second goes
	get(all[0], 0)
	get(all[2], 0)
	get(all[1], 1)
	if len(c.byID) != 3 || len(c.byHost) != 3 || c.recent.Len() != 3 {
		t.Errorf("%d %d %d are kept", len(c.byID), len(c.byHost), c.recent.Len())
	}
	renewed := entry("h1.lab")
	renewed.ConnectionID = all[1].ConnectionID
	get(renewed, 1)
	if len(c.byID) != 3 || c.byID[*all[1].CertificateID] != nil {
		t.Error("the one before the renewal is kept")
	}
	// A name that passed to another connection never presents its former holder's certificate.
	id := ident.New[ident.CertificateID](time.Now())
	if _, err := c.get(t.Context(), &edgeentry.Entry{Hostname: "h1.lab", ConnectionID: ident.New[ident.ConnectionID](time.Now()), CertificateID: &id}); err == nil {
		t.Error("another connection's certificate was presented")
	}
}
