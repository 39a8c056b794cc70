package webhook

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/webhook/message"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook/send"
)

func TestOrderOfAConnectionHoldsAndOthersGoOn(t *testing.T) {
	b := setup(t)
	other := b.connection(b.Org, b.app, "other.example.com")
	failing := true
	k := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		if failing && r.Header.Get("X-Other") == "" {
			w.WriteHeader(500)
		}
	})
	r := b.endpoint(k.URL, "*")
	plain := b.create(CreateWebhookEndpointInput{OrganizationID: b.Org, URL: k.URL, Topics: []string{"*"}, Ordered: new(false)})
	for _, action := range []string{"connection.verifying", "connection.dns_verified", "connection.live"} {
		b.happen(b.con, action, `{"v":1}`)
	}
	b.happen(other, "connection.created", `{"v":1}`)
	b.drain()
	states := func() (out string) {
		for _, d := range b.log(r.Endpoint.ID) {
			out += fmt.Sprintf("%d %s; ", d.Sequence, d.State)
		}
		return out
	}
	if got := states(); strings.Count(got, "WAITING_FOR_EARLIER") != 2 || strings.Count(got, "RETRYING") != 2 {
		t.Fatalf("the log is %s", got)
	}
	for _, d := range b.log(plain.Endpoint.ID) {
		if d.State != Retrying {
			t.Fatalf("an endpoint without order has %s", d.State)
		}
	}
	failing = false
	b.pass(6 * time.Second)
	before := len(k.all())
	b.drain()
	if got := states(); strings.Count(got, "SUCCEEDED") != 4 {
		t.Fatalf("the log is %s", got)
	}
	last := map[string]int64{}
	for _, m := range k.all()[before:] {
		var body message.Body[message.ConnectionData]
		if err := json.Unmarshal([]byte(m.body), &body); err != nil {
			t.Fatal(err)
		}
		if to := m.header.Get("webhook-signature"); body.Data.Connection.ID == b.con {
			verifyOrder(t, last, r, m, to, body.Data.Sequence)
		}
	}
	if last["sequence"] != 3 {
		t.Fatalf("the last sequence to the ordered endpoint was %d", last["sequence"])
	}
}

// verifyOrder looks at the messages of one endpoint: those that its secret signed.
func verifyOrder(t *testing.T, last map[string]int64, r *WebhookEndpointResult, m received, signature string, sequence int64) {
	t.Helper()
	want, err := send.Sign(m.header.Get("webhook-id"), time.Unix(atoi(m.header.Get("webhook-timestamp")), 0), []byte(m.body), *r.Secret)
	if err != nil || want != signature {
		return
	}
	if sequence <= last["sequence"] {
		t.Fatalf("%d came after %d", sequence, last["sequence"])
	}
	last["sequence"] = sequence
}

func atoi(s string) (n int64) { fmt.Sscan(s, &n); return n }

func TestAfterThreeFailuresLaterOnesFlow(t *testing.T) {
	b := setup(t)
	k := receiver(t, status(500))
	r := b.endpoint(k.URL, "*")
	b.happen(b.con, "connection.verifying", `{"v":1}`)
	b.happen(b.con, "connection.live", `{"v":1}`)
	for range 3 {
		b.drain()
		if n := len(b.attempts(b.log(r.Endpoint.ID)[1].ID)); n != 0 {
			t.Fatalf("the later one was tried %d times", n)
		}
		b.pass(b.log(r.Endpoint.ID)[0].NextAttemptAt.Sub(b.now))
		if len(b.attempts(b.log(r.Endpoint.ID)[0].ID)) == 2 {
			break
		}
	}
	b.drain()
	if n := len(b.attempts(b.log(r.Endpoint.ID)[1].ID)); n != 1 {
		t.Fatalf("the later one was tried %d times", n)
	}
}
