package edge

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// ED-19: requests and octets are counted by organization, sent when the edge stops at the latest, and again under the same number when nobody took them.
func TestMeters_CountAndSendAgain(t *testing.T) {
	t.Parallel()
	w := newWorld()
	mine, theirs := ident.New[ident.OrgID](time.Now()), ident.New[ident.OrgID](time.Now())
	app := origin(t, func(w http.ResponseWriter, r *http.Request) {
		if websocket.IsWebSocketUpgrade(r) {
			echoSocket(w, r)
			return
		}
		_, _ = io.Copy(w, r.Body)
		_, _ = io.WriteString(w, "0123456789")
	})
	of := func(org ident.OrgID) func(*edgeentry.Entry) { return func(e *edgeentry.Entry) { e.OrgID = org } }
	w.live("shop.acme.lab", app, of(mine))
	w.live("blog.acme.lab", app, of(mine))
	w.live("shop.other.lab", app, of(theirs))
	type batch struct {
		number int64
		uses   []Use
	}
	var got []batch
	refusals := 1
	n := start(t, w, func(e *Edge) {
		e.Meter = func(_ context.Context, node ident.EdgeNodeID, number int64, uses []Use) error {
			got = append(got, batch{number, uses})
			if refusals--; refusals >= 0 {
				return errors.New("away")
			}
			return nil
		}
	})
	n.get("https://shop.acme.lab/")
	n.get("https://blog.acme.lab/")
	res, err := n.client().Post("https://shop.other.lab/", "text/plain", strings.NewReader("abc"))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	n.get("http://shop.acme.lab/") // a redirect of ours is not theirs
	n.until("all are counted", func() bool {
		return n.meters.of(n.table.find("shop.acme.lab")).requests.Load() == 2 && n.meters.of(n.table.find("shop.other.lab")).requests.Load() == 1
	})
	n.sendMeters(t.Context())
	n.sendMeters(t.Context())
	n.sendMeters(t.Context()) // nothing new
	c := n.socket("shop.acme.lab")
	if err := c.WriteMessage(websocket.BinaryMessage, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.ReadMessage(); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	n.until("the socket is over", func() bool { return n.meters.of(n.table.find("shop.acme.lab")).requests.Load() == 1 })
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	sum := func(b batch) map[ident.OrgID]Use {
		out := map[ident.OrgID]Use{}
		for _, u := range b.uses {
			out[u.Org] = u
		}
		return out
	}
	if len(got) != 3 || got[0].number != 1 || got[1].number != 1 || got[2].number != 2 {
		t.Fatalf("%+v", got)
	}
	for _, b := range got[:2] {
		if s := sum(b); s[mine].Requests != 2 || s[mine].Bytes != 20 || s[theirs].Requests != 1 || s[theirs].Bytes != 16 {
			t.Errorf("%+v", b)
		}
	}
	if s := sum(got[2]); s[mine].Requests != 1 || s[mine].Bytes < 2000 || s[mine].Bytes > 2100 || len(s) != 1 {
		t.Errorf("%+v", got[2])
	}
}
