package e2e_test

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/internal/app"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// TestOperators_MessagesEventsAndAudit: an operator finds a mail that failed and sends it again, takes an address off the list of suppressed ones, lets a reader
// go on that stands still, sees which edge lacks a change and which is silent, and watches the log of everything; with the keyboard, on a phone, in the dark and
// from right to left.
func TestOperators_MessagesEventsAndAudit(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	made, err := h.App.Bootstrap(t.Context(), []app.FirstOperator{{Email: "ana@ops.example", Name: "Ana Lovelace"}, {Email: "ben@ops.example", Name: "Ben Ops"}})
	if err != nil {
		t.Fatal(err)
	}
	err = h.App.Door.System(t.Context(), "test", h.Org, func(ctx context.Context, e *door.Effect) error {
		return h.App.Mails.Stage(ctx, e, mail.Mail{To: "lost@customer.example", Org: h.Org, Tags: []string{"con_walk"}, Letter: letter.Test{Asked: "Ana"}})
	})
	if err != nil {
		t.Fatal(err)
	}
	h.MailAbout(t, "lost@customer.example", "")
	h.Until("the mail is sent", 20*time.Second, func() (bool, string) {
		var state string
		err := h.App.DB.QueryRow(t.Context(), "select state from outbound_message where recipient = 'lost@customer.example'").Scan(&state)
		return err == nil && state == "SENT", state
	})
	var one struct{ Application struct{ Version int } }
	h.Must(`query($id: ID!) { application(id: $id) { version } }`, map[string]any{"id": h.Addresses.ApplicationID}, &one)
	h.Must(`mutation($in: UpdateApplicationInput!) { updateApplication(input: $in) { application { id } } }`, map[string]any{"in": map[string]any{"id": h.Addresses.ApplicationID, "version": one.Application.Version, "name": "Renamed"}}, &one)
	h.Until("the reader has read it", 20*time.Second, func() (bool, string) {
		var n int
		err := h.App.DB.QueryRow(t.Context(), "select count(*) from event_reader r where r.reader = 'connection.routes' and r.state <> 'DUE' and r.done_sequence >= (select max(e.sequence) from event e where e.stream = r.stream and e.action = 'application.updated')").Scan(&n)
		return err == nil && n == 1, "not yet"
	})
	for _, sql := range []string{ // what took a day to fail
		`update outbound_message set state = 'FAILED', due_at = null, sent_at = null, failed_at = queued_at, failed_reason = '451 4.7.1 Try again later', attempts = '[{"at": "2026-11-21T10:00:00Z", "ok": false, "error": "451 4.7.1 Try again later"}]' where recipient = 'lost@customer.example'`,
		"insert into suppression (channel, recipient, reason, since) values ('EMAIL', 'gone@customer.example', 'bounce', now())",
		`update event_reader r set state = 'PARKED', due_at = null, done_sequence = e.sequence - 1, attempts = 8, last_error = 'the address of the upstream is not known' from (select distinct on (stream) * from event where action = 'application.updated' order by stream, sequence desc) e where e.stream = r.stream and r.reader = 'connection.routes'`,
	} {
		if n, err := h.App.DB.Exec(t.Context(), sql); err != nil || n.RowsAffected() != 1 {
			t.Fatalf("%s: %v, %v", sql, n, err)
		}
	}
	edgesBeside(t, h)
	h.Browser(t, "OperatorsScreens", map[string]string{"ana": "ana@ops.example", "anaLink": made[0].Link.Reveal(), "lost": "lost@customer.example", "gone": "gone@customer.example"})
	for what, sql := range map[string]string{
		"the mail arrived again":         "select count(*) from outbound_message where recipient = 'lost@customer.example' and state = 'SENT'",
		"the address is off the list":    "select 1 - count(*) from suppression where recipient = 'gone@customer.example'",
		"the reader went on":             "select count(*) from (select 1 where not exists (select from event_reader where state = 'PARKED')) one",
		"sending again is audited":       "select count(*) from event where action = 'message.redelivered' and audited",
		"taking off is audited":          "select count(*) from event where action = 'message.suppression_removed' and audited",
		"letting the reader go, as well": "select count(*) from event where action = 'event.redelivered' and audited",
	} {
		h.Until(what, 20*time.Second, func() (bool, string) {
			var n int
			err := h.App.DB.QueryRow(t.Context(), sql).Scan(&n)
			return err == nil && n == 1, what
		})
	}
}

// edgesBeside are two more edges beside the one that serves: one that was heard of once, and one that is behind until there is an application named "Catch up".
func edgesBeside(t *testing.T, h *harness.House) {
	t.Helper()
	h.StartConnection("behind.acme.lab") // a change that can be lacked
	now := time.Now()
	node := func(name string) edgeentry.Node {
		return edgeentry.Node{ID: ident.New[ident.EdgeNodeID](now), Name: name, Version: "1.4.0", ServesDNS: true, StartedAt: now.Add(-48 * time.Hour), Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")}}
	}
	beat := func(n edgeentry.Node) {
		if err := h.App.EdgeEntries.Heartbeat(t.Context(), n); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	}
	beat(node("silent.example/1a2b3c"))
	slow := node("slow.example/4d5e6f")
	beat(slow)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			var caught bool
			if h.App.DB.QueryRow(ctx, "select exists (select from application where name = 'Catch up')").Scan(&caught) == nil && caught {
				slow.Acked, _ = h.App.EdgeEntries.Generation(ctx)
			}
			beat(slow)
		}
	})
	t.Cleanup(func() { stop(); wg.Wait() })
}
