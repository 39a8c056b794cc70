package report_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/platform/mail/report"
)

// dsn is a bounce as Postfix writes it, with the action and what follows it.
func dsn(action, headers string) string {
	return strings.ReplaceAll("From: MAILER-DAEMON@mx.example\nTo: no-reply@acme.example\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status;\n\tboundary=\"A/mx\"\n\n"+
		"--A/mx\nContent-Description: Notification\nContent-Type: text/plain; charset=us-ascii\n\nI'm sorry.\n\n"+
		"--A/mx\nContent-Description: Delivery report\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\nArrival-Date: Tue,  2 Mar 2027 09:30:00 +0000\n\n"+
		"Final-Recipient: rfc822; ana@example.com\nAction: "+action+"\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 <ana@example.com>:\n    Recipient address rejected\n\n"+
		"--A/mx\nContent-Type: "+headers+"\n\nReturn-Path: <no-reply@acme.example>\nMessage-ID: <0123@acme.example>\nSubject: hello\n\nbody\n\n--A/mx--\n", "\n", "\r\n")
}

func TestMail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want report.Report
	}{
		"Bounce":      {dsn("failed", "message/rfc822"), report.Report{Kind: report.Bounced, MessageID: "0123@acme.example", Reason: "550 5.1.1 <ana@example.com>: Recipient address rejected"}},
		"HeadersOnly": {dsn("failed", "text/rfc822-headers"), report.Report{Kind: report.Bounced, MessageID: "0123@acme.example", Reason: "550 5.1.1 <ana@example.com>: Recipient address rejected"}},
		"Delivered":   {dsn("Delivered", "message/rfc822"), report.Report{Kind: report.Delivered, MessageID: "0123@acme.example"}},
		"Relayed":     {dsn("relayed", "message/rfc822"), report.Report{Kind: report.Delivered, MessageID: "0123@acme.example"}},
	} {
		got, err := report.Mail([]byte(c.body))
		if err != nil || len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name, body := range map[string]string{
		"Delayed": dsn("delayed", "message/rfc822"), "WithoutTheMail": dsn("failed", "text/plain"), "AnOrdinaryMail": "From: a@b.c\r\nMessage-ID: <0123@acme.example>\r\n\r\nAction: failed\r\n",
		"Empty": "", "NoBoundary": "Content-Type: multipart/report\r\n\r\n--\r\n", "Html": "<html>", "Endless": "Content-Type: multipart/report; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\n", 10_000),
		"InjectedID": strings.Replace(dsn("failed", "message/rfc822"), "<0123@acme.example>", "<a b>", 1), "LongID": strings.Replace(dsn("failed", "message/rfc822"), "0123", strings.Repeat("x", 999), 1),
	} {
		if got, err := report.Mail([]byte(body)); err == nil {
			t.Errorf("%s was read as %+v", name, got)
		}
	}
	if _, err := report.Mail([]byte(dsn("delayed", "message/rfc822"))); !errors.Is(err, report.ErrNone) {
		t.Errorf("a delay is %v", err)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	got, err := report.JSON([]byte(`{"reports": [{"kind": "delivered", "messageId": "<1@x>"}, {"kind": "complained", "messageId": "2@x", "reason": "ab\u0000\r\nuse"}]}`))
	if want := []report.Report{{Kind: report.Delivered, MessageID: "1@x"}, {Kind: report.Complained, MessageID: "2@x", Reason: "ab use"}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, body := range []string{"", "[]", `{"reports": []}`, `{"reports": [{"kind": "opened", "messageId": "1@x"}]}`, `{"reports": [{"kind": "bounced"}]}`, `{"reports": [` + strings.Repeat(`{"kind":"bounced","messageId":"1"},`, 100) + `{"kind":"bounced","messageId":"1"}]}`} {
		if got, err := report.JSON([]byte(body)); err == nil {
			t.Errorf("%.60s was read as %+v", body, got)
		}
	}
}

func FuzzMail(f *testing.F) {
	f.Add([]byte(dsn("failed", "message/rfc822")))
	f.Add([]byte("Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed"))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := report.Mail(body)
		if err == nil && (len(got) != 1 || got[0].MessageID == "" || len(got[0].Reason) > 600) {
			t.Errorf("%+v", got)
		}
	})
}
