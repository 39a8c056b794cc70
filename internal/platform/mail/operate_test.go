package mail_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/live/livetest"
)

// report posts to /hooks/mail, signed for the instant at with the secret.
func (o *office) report(t *testing.T, contentType string, body []byte, at time.Time, secret string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks/mail", bytes.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set(mail.Signature, fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mail.Sign(secret, at.Unix(), body))))
	w := httptest.NewRecorder()
	o.mail.Part().Routes[0].Handler.ServeHTTP(w, r)
	return w.Code
}

func said(kind, id string) []byte {
	return fmt.Appendf(nil, `{"reports": [{"kind": %q, "messageId": "<%s>", "reason": "mailbox\r\nfull"}]}`, kind, id)
}

// TestEmails2_FindAllDeliveredEmails: the acceptance letters of Emails.2.
func TestEmails2_FindAllDeliveredEmails(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	ops := o.operator(t.Context())
	const json = "application/json"
	o.send(t, mail.Mail{To: "ana@example.com", Org: o.Org, Tags: []string{"con_1"}, Letter: letter.MFACode{Code: "482913", Until: o.now, Place: "x"}})
	o.send(t, testLetter("ben@example.com"))
	ana, ben := o.one(t, "ana@example.com"), o.one(t, "ben@example.com")

	t.Run("b_WithoutAValidSignature", func(t *testing.T) {
		body := said("bounced", *ana.ReceiptID)
		for name, status := range map[string]int{
			"OtherSecret": o.report(t, json, body, o.now, "guessed"), "Stale": o.report(t, json, body, o.now.Add(-6*time.Minute), hookSecret), "Early": o.report(t, json, body, o.now.Add(6*time.Minute), hookSecret),
		} {
			if status != http.StatusUnauthorized {
				t.Errorf("%s: %d", name, status)
			}
		}
		for _, header := range []string{"", "t=1", "t=,v1=", "v1=00", "t=99999999999999999999,v1=00", strings.Repeat("x", 10_000)} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks/mail", bytes.NewReader(body))
			r.Header.Set(mail.Signature, header)
			w := httptest.NewRecorder()
			if o.mail.Part().Routes[0].Handler.ServeHTTP(w, r); w.Code != http.StatusUnauthorized {
				t.Errorf("%.30q: %d", header, w.Code)
			}
		}
		if d := o.one(t, "ana@example.com"); d.State != mail.Sent {
			t.Errorf("it changed: %+v", d)
		}
	})
	t.Run("a_ABounceIsPosted", func(t *testing.T) {
		if got := o.report(t, json, said("bounced", *ana.ReceiptID), o.now, hookSecret); got != http.StatusNoContent {
			t.Fatalf("answered %d", got)
		}
		d := o.one(t, "ana@example.com")
		if d.State != mail.Bounced || *d.FailedReason != "mailbox full" {
			t.Errorf("%+v", d)
		}
		list, err := o.mail.Suppressions(ops, nil, page.Args{First: 10})
		if err != nil || len(list.Nodes) != 1 || list.Nodes[0].Recipient != "ana@example.com" || list.Nodes[0].Reason != "bounce" {
			t.Errorf("%+v %v", list, err)
		}
		o.report(t, json, said("delivered", *ana.ReceiptID), o.now, hookSecret)
		if o.one(t, "ana@example.com").State != mail.Bounced {
			t.Error("a late report turned it around")
		}
	})
	t.Run("a_TheSameAsADSN", func(t *testing.T) {
		o.report(t, json, said("delivered", *ben.ReceiptID), o.now, hookSecret)
		if d := o.one(t, "ben@example.com"); d.State != mail.Delivered || d.DeliveredAt == nil {
			t.Errorf("%+v", d)
		}
		if got := o.report(t, "message/rfc822", bytes.ReplaceAll(complaintMail, []byte("MESSAGE"), []byte(*ben.ReceiptID)), o.now, hookSecret); got != http.StatusNoContent {
			t.Errorf("answered %d", got)
		}
		list, err := o.mail.Suppressions(ops, new("BEN"), page.Args{First: 10})
		if err != nil || len(list.Nodes) != 1 || list.Nodes[0].Reason != "complaint" || o.one(t, "ben@example.com").State != mail.Delivered {
			t.Errorf("%+v %v", list, err)
		}
	})
	t.Run("c_BodiesAreNeverShown", func(t *testing.T) {
		list, err := o.mail.Deliveries(ops, mail.DeliveryFilter{Tags: []string{"con_1"}}, page.Args{First: 10})
		if err != nil || len(list.Nodes) != 1 || *list.TotalCount != 1 || list.Nodes[0].Template != "mfa_code" || list.Nodes[0].Subject == "" {
			t.Fatalf("%+v %v", list, err)
		}
		if shown := fmt.Sprintf("%+v", *list.Nodes[0]); strings.Contains(shown, "482913") {
			t.Errorf("the code is shown: %s", shown)
		}
	})
	t.Run("Filters", func(t *testing.T) {
		for name, c := range map[string]struct {
			f    mail.DeliveryFilter
			want int
		}{
			"All": {mail.DeliveryFilter{}, 2}, "Organization": {mail.DeliveryFilter{OrganizationID: &o.Org}, 1}, "State": {mail.DeliveryFilter{State: new(mail.Bounced)}, 1}, "Tag": {mail.DeliveryFilter{Tags: []string{"con_2"}}, 0},
			"Recipient": {mail.DeliveryFilter{Recipient: new("BEN@example.com")}, 1}, "Since": {mail.DeliveryFilter{Since: new(o.now.Add(time.Hour))}, 0},
		} {
			if list, err := o.mail.Deliveries(ops, c.f, page.Args{First: 10}); err != nil || len(list.Nodes) != c.want {
				t.Errorf("%s: %d rows, %v", name, len(list.Nodes), err)
			}
		}
	})
	t.Run("Redelivery", func(t *testing.T) {
		if _, err := o.mail.Redeliver(ops, ben.ID); !fault.Is(err, fault.PreconditionCode) {
			t.Errorf("a delivered mail: %v", err)
		}
		if err := o.mail.RemoveSuppression(ops, "ANA@example.com", ""); !fault.Is(err, fault.InvalidCode) {
			t.Errorf("without a reason: %v", err)
		}
		if err := o.mail.RemoveSuppression(ops, "ANA@example.com", "they have a mailbox again"); err != nil {
			t.Error(err)
		}
		if err := o.mail.RemoveSuppression(ops, "ana@example.com", "twice"); !fault.Is(err, fault.NotFoundCode) {
			t.Errorf("twice: %v", err)
		}
		if d, err := o.mail.Redeliver(ops, ana.ID); err != nil || d.State != mail.Queued {
			t.Errorf("%+v %v", d, err)
		}
		o.drain(t)
		d := o.one(t, "ana@example.com")
		if d.State != mail.Sent || len(d.Attempts) != 2 || *d.ReceiptID == *ana.ReceiptID {
			t.Errorf("%+v", d)
		}
		if _, err := o.mail.Redeliver(ops, ident.New[ident.MessageID](o.now)); !fault.Is(err, fault.NotFoundCode) {
			t.Errorf("an unknown mail: %v", err)
		}
		var audited int
		if err := o.DB.QueryRow(t.Context(), "select count(*) from event where audited and action in ('message.redelivered', 'message.suppression_removed') and payload::text not like '%ana@example%'").Scan(&audited); err != nil || audited != 2 {
			t.Errorf("%d audited rows, %v", audited, err)
		}
	})
	t.Run("OperatorsAlone", func(t *testing.T) {
		for name, ctx := range map[string]context.Context{"Owner": o.As(t.Context()), "Nobody": t.Context(), "Key": authz.With(t.Context(), authz.Principal{Kind: authz.API_KEY, OrgID: o.Org, Scopes: []authz.Permission{"message.read_any", "message.redeliver"}})} {
			_, list := o.mail.Deliveries(ctx, mail.DeliveryFilter{}, page.Args{First: 10})
			_, again := o.mail.Redeliver(ctx, ana.ID)
			_, held := o.mail.Suppressions(ctx, nil, page.Args{First: 10})
			_, watched := o.mail.Watch(ctx)
			for n, err := range []error{list, again, held, watched, o.mail.RemoveSuppression(ctx, "ben@example.com", "x")} {
				if !fault.Is(err, fault.ForbiddenCode) && !fault.Is(err, fault.Unauthenticated) {
					t.Errorf("%s, call %d: %v", name, n, err)
				}
			}
		}
	})
}

var complaintMail = []byte("From: fbl@provider.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain\r\n\r\nA complaint.\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nVersion: 1\r\n\r\n" +
	"--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <MESSAGE>\r\nSubject: x\r\n\r\nhi\r\n--b--\r\n")

// TestEmails3_DeliverAllPendingEmails: the acceptance letter of Emails.3.
func TestEmails3_DeliverAllPendingEmails(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	for n := range 12 {
		if err := o.stage(t, testLetter(fmt.Sprintf("person%d@example.com", n))); err != nil {
			t.Fatal(err)
		}
	}
	for n, want := range []int{12, 0} {
		if got := o.drain(t); got != want { // a
			t.Errorf("time %d: %d mails, want %d", n, got, want)
		}
	}
	if n := len(o.mails()); n != 12 {
		t.Errorf("%d mails arrived", n)
	}
}

func TestOperatorsWatchMails(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.send(t, testLetter("before@example.com"))
	f, err := o.mail.Watch(o.operator(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(o.operator(t.Context()))
	defer cancel()
	news := livetest.Channel(ctx, o.Hub, f)
	if err := o.stage(t, testLetter("ana@example.com")); err != nil {
		t.Fatal(err)
	}
	var seen []mail.DeliveryState
	for m := range news {
		if m.Err != nil {
			t.Fatal(m.Err)
		}
		d := m.Value.(*mail.EmailDelivery)
		if d.To != "ana@example.com" {
			t.Fatalf("told of %+v", d)
		}
		if seen = append(seen, d.State); d.State == mail.Sent {
			break
		}
		o.drain(t)
	}
	if !slices.Equal(seen, []mail.DeliveryState{mail.Queued, mail.Sent}) {
		t.Errorf("told of %v", seen)
	}
}

func TestPagesOfMailsAndAddresses(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	ops := o.operator(t.Context())
	var body struct {
		Reports []map[string]string `json:"reports"`
	}
	for n := range 7 {
		to := fmt.Sprintf("p%d@example.com", n)
		o.pass(2 * time.Millisecond) // ids are in the order of milliseconds
		o.send(t, testLetter(to))
		body.Reports = append(body.Reports, map[string]string{"kind": "bounced", "messageId": *o.one(t, to).ReceiptID})
	}
	raw, _ := json.Marshal(body)
	if got := o.report(t, "application/json", raw, o.now, hookSecret); got != http.StatusNoContent {
		t.Fatal(got)
	}
	var mails, held []string
	for a := (page.Args{First: 3}); ; {
		p, err := o.mail.Deliveries(ops, mail.DeliveryFilter{State: new(mail.Bounced)}, a)
		if err != nil || *p.TotalCount != 7 {
			t.Fatal(p, err)
		}
		for _, d := range p.Nodes {
			mails = append(mails, d.To)
		}
		if !p.PageInfo.HasNextPage {
			break
		}
		c, _ := page.ParseCursor(*p.PageInfo.EndCursor)
		a.After = &c
	}
	for a := (page.Args{First: 3}); ; {
		p, err := o.mail.Suppressions(ops, nil, a)
		if err != nil || *p.TotalCount != 7 {
			t.Fatal(p, err)
		}
		for _, x := range p.Nodes {
			held = append(held, x.Recipient)
		}
		if !p.PageInfo.HasNextPage {
			break
		}
		c, _ := page.ParseCursor(*p.PageInfo.EndCursor)
		a.After = &c
	}
	slices.Reverse(mails)
	if len(held) != 7 || !slices.Equal(mails, held) || !slices.IsSorted(held) {
		t.Errorf("mails %v, addresses %v", mails, held)
	}
}
