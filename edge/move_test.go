package edge

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// TestMove_NoRequestIsServedByNeitherOrBoth: a name changes hands while it is visited at two nodes: whoever asks before the instant is answered by the former
// holder, whoever asks after it by the new one, at both nodes, and nobody by neither (CN-27).
func TestMove_NoRequestIsServedByNeitherOrBoth(t *testing.T) {
	t.Parallel()
	const host = "shop.acme.lab"
	says := func(who string) string {
		return origin(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, who) })
	}
	w := newWorld()
	former := w.live(host, says("former"))
	nodes := []*node{start(t, w), start(t, w)}
	for _, n := range nodes {
		n.caughtUp()
	}
	at := time.Now().Add(1500 * time.Millisecond)
	w.live(host, says("new"), func(e *edgeentry.Entry) {
		e.ConnectionID = ident.New[ident.ConnectionID](time.Now())
		e.Route.Former = &edgeentry.Former{Until: at, ConnectionID: former.ConnectionID, Mode: edgeentry.Proxy, Serve: true, CertificateID: former.CertificateID, Route: former.Route}
	})
	for _, n := range nodes {
		n.caughtUp() // each knows it well before the instant
	}
	if !time.Now().Before(at) {
		t.Fatal("the nodes heard of it too late: nothing was tested")
	}
	var mu sync.Mutex
	count := map[string]int{}
	var wg sync.WaitGroup
	for i, n := range nodes {
		for range 3 {
			wg.Go(func() {
				client := n.client("http/1.1")
				for n := 0; n < 200 || time.Now().Before(at.Add(200*time.Millisecond)); n++ {
					began := time.Now()
					res, err := client.Get("https://" + host + "/")
					if err != nil {
						t.Error(err)
						return
					}
					b, err := io.ReadAll(res.Body)
					_ = res.Body.Close()
					ended, who := time.Now(), string(b)
					switch {
					case err != nil || res.StatusCode != http.StatusOK:
						t.Errorf("answered by neither: %d %q %v", res.StatusCode, who, err)
					case who == "former" && began.After(at), who == "new" && ended.Before(at):
						t.Errorf("node %d: %s at %s of the instant", i, who, began.Sub(at))
					}
					mu.Lock()
					count[fmt.Sprintf("%s %d", who, i)]++
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	all := 0
	for _, n := range count {
		all += n
	}
	for _, who := range []string{"former 0", "former 1", "new 0", "new 1"} {
		if count[who] == 0 {
			t.Errorf("%s answered nobody: %v", who, count)
		}
	}
	if all < 1000 {
		t.Errorf("%d requests", all)
	}
}

// TestMove_TheFormerHoldersEndIsItsEnd: when the name is withdrawn in that moment, nobody answers for it.
func TestMove_TheFormerHoldersEndIsItsEnd(t *testing.T) {
	t.Parallel()
	var tb table
	former, next := ident.New[ident.ConnectionID](time.Now()), ident.New[ident.ConnectionID](time.Now())
	put := func(generation int64, e edgeentry.Entry) {
		e.Hostname, e.Generation = "shop.acme.lab", generation
		tb.apply(edgeentry.Snapshot{Generation: generation, Entries: []edgeentry.Entry{e}}, false)
	}
	until := time.Now().Add(time.Hour)
	moved := edgeentry.Entry{ConnectionID: next, Mode: edgeentry.Proxy, Serve: true, Route: edgeentry.Route{Former: &edgeentry.Former{Until: until, ConnectionID: former, Mode: edgeentry.Proxy, Serve: true}}}
	put(1, moved)
	if n := tb.find("shop.acme.lab"); n.ConnectionID != former || !n.serves() || n.CertAllowed {
		t.Errorf("a node that starts in between serves %+v", n.Entry)
	}
	put(2, moved) // news of the new holder change nothing before its time
	n := tb.find("shop.acme.lab")
	if n.ConnectionID != former {
		t.Errorf("%+v", n.Entry)
	}
	put(3, edgeentry.Entry{ConnectionID: next, Mode: edgeentry.Gone})
	if tb.find("shop.acme.lab") != nil || n.withdrawn.Err() == nil {
		t.Error("the former holder goes on")
	}
	moved.Route.Former.Until = time.Now().Add(-time.Second)
	put(4, moved)
	if n := tb.find("shop.acme.lab"); n.ConnectionID != next {
		t.Errorf("after the instant %+v", n.Entry)
	}
}

// TestMove_SoonerWhenTheCertificateIsThere: a name that waits for the new holder's certificate is switched soon after that has come, and only the end of the wait
// switches it without one.
func TestMove_SoonerWhenTheCertificateIsThere(t *testing.T) {
	t.Parallel()
	var tb table
	former, next := ident.New[ident.ConnectionID](time.Now()), ident.New[ident.ConnectionID](time.Now())
	id := ident.New[ident.CertificateID](time.Now())
	put := func(generation int64, until time.Time, certificate *ident.CertificateID) []edgeentry.Entry {
		e := edgeentry.Entry{Hostname: "shop.acme.lab", Generation: generation, ConnectionID: next, Mode: edgeentry.Proxy, Serve: true, CertificateID: certificate}
		e.Route.Former = &edgeentry.Former{Until: until, ConnectionID: former, Mode: edgeentry.Proxy, Serve: true}
		return tb.apply(edgeentry.Snapshot{Generation: generation, Entries: []edgeentry.Entry{e}}, false)
	}
	put(1, time.Now().Add(time.Hour), nil)
	put(2, time.Now().Add(2*time.Hour), nil) // never later
	if n := tb.find("shop.acme.lab"); n.ConnectionID != former {
		t.Errorf("%+v", n.Entry)
	}
	if fresh := put(3, time.Now().Add(-time.Millisecond), &id); len(fresh) != 1 {
		t.Errorf("the certificate is not opened before its first visitor: %+v", fresh)
	}
	if n := tb.find("shop.acme.lab"); n.ConnectionID != next || n.CertificateID == nil {
		t.Errorf("%+v", n.Entry)
	}
}
