package e2e_test

import (
	"context"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/internal/app"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// TestOperators_MessagesEventsAndAudit: an operator finds a mail that failed and sends it again, takes an address off the list of suppressed ones, lets a reader
// go on that stands still, and watches the log of everything; with the keyboard, on a phone, in the dark and from right to left.
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
