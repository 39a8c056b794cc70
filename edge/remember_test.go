package edge

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/edge/disk"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
)

// remembers gives a node a disk.
func remembers(t *testing.T, dir string, kek vault.KEK) (*disk.Disk, func(*Edge)) {
	t.Helper()
	seal, err := vault.NewLocal("edge", kek)
	if err != nil {
		t.Fatal(err)
	}
	d, err := disk.Open(dir, seal)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d, func(e *Edge) { e.Disk = d }
}

func visited(n *node, host string) *http.Response {
	n.t.Helper()
	res, _ := n.get("https://" + host + "/")
	return res
}

// whole completes an entry as the database has it.
func whole(e *edgeentry.Entry) {
	e.ConnectionID, e.OrgID = ident.New[ident.ConnectionID](time.Now()), ident.New[ident.OrgID](time.Now())
	e.Route.ConnectionID = e.ConnectionID
}

// TestRemember_ARestartWithoutTheDatabase: the node serves what it knew, forgets what ended meanwhile as soon as it hears of it, and learns what is new.
func TestRemember_ARestartWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	w, dir, kek := newWorld(), t.TempDir(), vault.GenerateKEK("k1")
	back := origin(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("the application")) })
	kept := w.live("kept.example.com", back, whole)
	w.live("left.example.com", back, whole)
	d, with := remembers(t, dir, kek)
	n := start(t, w, with)
	n.until("the disk has both certificates", func() bool {
		lacks, err := d.Lacks([]ident.CertificateID{*kept.CertificateID, *w.entries["left.example.com"].CertificateID})
		return err == nil && len(lacks) == 0
	})
	before := visited(n, "kept.example.com")
	if err := errors.Join(n.stop(), d.Close()); err != nil {
		t.Fatal(err)
	}
	w.set(func() { w.down = errors.New("the database is away"); w.loads = 0 })

	_, with = remembers(t, dir, kek)
	n = start(t, w, with)
	n.until("it serves from its disk", func() bool { return n.Edge.Generation() == w.generation })
	for _, host := range []string{"kept.example.com", "left.example.com"} {
		if after := visited(n, host); after.StatusCode != http.StatusOK || host == "kept.example.com" && !after.TLS.PeerCertificates[0].Equal(before.TLS.PeerCertificates[0]) {
			t.Errorf("%s: %d, or another certificate than before", host, after.StatusCode)
		}
	}
	if w.loads != 0 {
		t.Errorf("%d certificates were asked of a database that is away", w.loads)
	}
	if !n.Edge.recalled.Load() || !n.Edge.Allowed("kept.example.com") || n.Edge.Allowed("nobody.example.com") {
		t.Error("it does not know what it knew")
	}

	// The row of what ended is gone for good, as after a long absence: no delta tells of it. The generation is the same.
	w.set(func() {
		delete(w.entries, "left.example.com")
		e := w.entries["kept.example.com"]
		e.Generation = w.generation
		w.entries["kept.example.com"], w.down = e, nil
	})
	n.until("it hears what ended", func() bool { return !n.Edge.Allowed("left.example.com") })
	if n.Edge.recalled.Load() || !n.Edge.Allowed("kept.example.com") {
		t.Error("it does not go on with what the database says")
	}
	w.live("fresh.example.com", back, whole)
	n.caughtUp()
	if res := visited(n, "fresh.example.com"); res.StatusCode != http.StatusOK {
		t.Errorf("what came since: %d", res.StatusCode)
	}
}

// TestRemember_ADiskThatFailsStopsNobody: names are served and learned while nothing can be written, and what could not be written is not forgotten.
func TestRemember_ADiskThatFailsStopsNobody(t *testing.T) {
	t.Parallel()
	w := newWorld()
	back := origin(t, func(w http.ResponseWriter, _ *http.Request) {})
	w.live("a.example.com", back, whole)
	d, with := remembers(t, t.TempDir(), vault.GenerateKEK("k1"))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	n := start(t, w, with)
	w.live("b.example.com", back, whole)
	n.caughtUp()
	for _, host := range []string{"a.example.com", "b.example.com"} {
		if res := visited(n, host); res.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", host, res.StatusCode)
		}
	}
}

func TestMemory_TheLaterCounts(t *testing.T) {
	t.Parallel()
	entry := func(host, ref string) edgeentry.Entry {
		return edgeentry.Entry{Hostname: host, Route: edgeentry.Route{CustomerRef: ref}}
	}
	var m memory
	if _, _, some := m.take(); some {
		t.Fatal("there is something before anything")
	}
	m.note(edgeentry.Snapshot{Generation: 1, Entries: []edgeentry.Entry{entry("a", "1"), entry("b", "1")}}, true)
	m.note(edgeentry.Snapshot{Generation: 2, Entries: []edgeentry.Entry{entry("b", "2"), entry("c", "2")}, Records: []edgeentry.ZoneRecord{{FQDN: "t", Value: "x", TTL: 1}}}, false)
	s, all, some := m.take()
	if !some || !all || s.Generation != 2 || len(s.Entries) != 3 || s.Entries[1].Route.CustomerRef != "2" || len(s.Records) != 1 {
		t.Fatalf("%+v", s)
	}
	m.note(edgeentry.Snapshot{Generation: 3, Entries: []edgeentry.Entry{entry("a", "3")}, Records: []edgeentry.ZoneRecord{{FQDN: "t", Value: "x", TTL: 3}}}, false)
	m.giveBack(s, all) // the disk was full
	s, all, _ = m.take()
	if !all || s.Generation != 3 || len(s.Entries) != 3 || s.Entries[0].Route.CustomerRef != "3" || s.Records[0].TTL != 3 {
		t.Fatalf("what came since does not count: %+v", s)
	}
	m.note(edgeentry.Snapshot{Generation: 9, Entries: []edgeentry.Entry{entry("z", "9")}}, true)
	m.giveBack(s, all)
	if s, all, _ = m.take(); !all || s.Generation != 9 || len(s.Entries) != 1 {
		t.Fatalf("everything does not replace what was given back: %+v", s)
	}
}
