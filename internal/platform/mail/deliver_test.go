package mail_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/smtp"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/lab/sink"
)

// TestEmails1_DeliverAnEmail: the acceptance letters of Emails.1, against a real mail server.
func TestEmails1_DeliverAnEmail(t *testing.T) {
	t.Parallel()
	o := openOffice(t)

	t.Run("a_STARTTLSAndAUTH", func(t *testing.T) {
		o.send(t, mail.Mail{To: "ana@example.com", Locale: "de", Org: o.Org, Tags: []string{o.Org.String()}, Letter: letter.PasswordReset{Link: "https://console.example.com/x", Until: o.now, Place: "192.0.2.0/24"}})
		in := o.mails()
		if len(in) != 1 || in[0].From != "no-reply@acme.example" || in[0].To != "ana@example.com" {
			t.Fatalf("the server took %+v", in)
		}
		m := sink.Read([]byte(in[0].Raw))
		if m.Subject != "Neues Passwort setzen" || !strings.Contains(m.Text, "https://console.example.com/x") || !strings.Contains(m.HTML, `lang="de"`) {
			t.Errorf("it reads\n%s\n%s", m.Subject, m.Text)
		}
		for name, want := range map[string]string{"From": `"Acme Domains" <no-reply@acme.example>`, "To": "<ana@example.com>", "Auto-Submitted": "auto-generated", "Content-Language": "de", "List-Unsubscribe": ""} {
			if got := in[0].header(t, name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		d := o.one(t, "ana@example.com")
		if d.State != mail.Sent || d.SentAt == nil || len(d.Attempts) != 1 || !d.Attempts[0].OK || *d.ReceiptID != strings.Trim(in[0].header(t, "Message-ID"), "<>") || *d.OrganizationID != o.Org {
			t.Errorf("it is kept as %+v", d)
		}
	})
	t.Run("b_A550IsPermanent", func(t *testing.T) {
		before := o.asked
		o.send(t, testLetter("unwanted@example.com"))
		o.pass(48 * time.Hour)
		o.drain(t)
		d := o.one(t, "unwanted@example.com")
		if d.State != mail.Failed || o.asked != before+1 || !strings.Contains(*d.FailedReason, "we do not like you") {
			t.Errorf("asked %d times, %+v", o.asked-before, d)
		}
	})
	t.Run("b_NoSuchMailboxBounces", func(t *testing.T) {
		o.send(t, testLetter("gone@example.com"))
		if d := o.one(t, "gone@example.com"); d.State != mail.Bounced {
			t.Errorf("%+v", d)
		}
	})
	t.Run("c_A451IsTriedAgain", func(t *testing.T) {
		o.send(t, testLetter("later@example.com"))
		if d := o.one(t, "later@example.com"); d.State != mail.Queued || len(d.Attempts) != 1 || d.Attempts[0].OK || !strings.Contains(*d.Attempts[0].Error, "451") {
			t.Fatalf("%+v %s", d, *d.Attempts[0].Error)
		}
		if n := o.drain(t); n != 0 {
			t.Errorf("it was tried again at once")
		}
		o.pass(40 * time.Second)
		if n := o.drain(t); n != 1 {
			t.Errorf("%d tries after the first wait", n)
		}
	})
	t.Run("d_TheEighthFailureIsTheLast", func(t *testing.T) {
		for range 8 {
			o.pass(20 * time.Hour)
			o.drain(t)
		}
		d := o.one(t, "later@example.com")
		if d.State != mail.Failed || len(d.Attempts) != 8 || d.FailedAt == nil {
			t.Fatalf("%d tries, %+v", len(d.Attempts), d)
		}
		if !strings.Contains(o.logs.String(), "mail given up") || !strings.Contains(o.logs.String(), d.ID.String()) {
			t.Errorf("there was no alert:\n%s", o.logs)
		}
		if strings.Contains(o.logs.String(), "later@example.com") {
			t.Errorf("an address stands in the log:\n%s", o.logs)
		}
		if !slices.Contains(o.Actions(t), "message.failed") {
			t.Error("the ledger does not know")
		}
	})
	t.Run("e_TheSameKeyOnce", func(t *testing.T) {
		m := testLetter("Once@example.com")
		m.Key = "evt_1"
		if err := o.stage(t, m, m); err != nil {
			t.Fatal(err)
		}
		m.To = "once@EXAMPLE.com"
		o.send(t, m)
		o.send(t, m)
		if n := len(o.all(t, "once@example.com")); n != 1 {
			t.Errorf("%d mails", n)
		}
		m.Letter = letter.MemberRemoved{Organization: "Acme"}
		if o.send(t, m); len(o.all(t, "once@example.com")) != 2 {
			t.Error("another letter under the key was not sent")
		}
	})
	t.Run("f_KilledBetweenSendAndCommit", func(t *testing.T) {
		before := len(o.mails())
		if err := o.stage(t, testLetter("twice@example.com")); err != nil {
			t.Fatal(err)
		}
		ctx, kill := context.WithCancel(t.Context())
		o.post.mu.Lock()
		o.accepted = kill
		o.post.mu.Unlock()
		if _, err := o.mail.Drain(ctx); err == nil {
			t.Fatal("the worker did not notice its end")
		}
		if d := o.one(t, "twice@example.com"); d.State != mail.Queued || len(d.Attempts) != 1 || d.Attempts[0].Error == nil || !strings.Contains(*d.Attempts[0].Error, "process ended") {
			t.Fatalf("%+v", d)
		}
		o.post.mu.Lock()
		o.accepted = nil
		o.post.mu.Unlock()
		o.pass(2 * time.Minute) // the lease runs out
		o.drain(t)
		in := o.mails()[before:]
		if len(in) != 2 || in[0].header(t, "Message-ID") != in[1].header(t, "Message-ID") || in[0].header(t, "Message-ID") == "" {
			t.Errorf("copies: %d %v", len(in), in)
		}
		if d := o.one(t, "twice@example.com"); d.State != mail.Sent || len(d.Attempts) != 2 {
			t.Errorf("%+v", d)
		}
	})
	t.Run("g_SuppressedAddress", func(t *testing.T) {
		before := o.asked
		o.send(t, testLetter("Gone@example.com")) // it bounced in b
		all := o.all(t, "gone@example.com")
		if o.asked != before || all[0].State != mail.Suppressed || len(all[0].Attempts) != 0 {
			t.Errorf("%+v", all[0])
		}
	})
}

func TestAMailExistsIfItsChangeCommits(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	err := o.Door.System(t.Context(), "test", o.Org, func(ctx context.Context, e *door.Effect) error {
		if err := o.mail.Stage(ctx, e, testLetter("ana@example.com")); err != nil {
			t.Error(err)
		}
		return errStop
	})
	if err == nil || o.drain(t) != 0 || len(o.all(t, "ana@example.com")) != 0 {
		t.Error("a mail of a change that did not happen was kept")
	}
	if err := o.stage(t, testLetter("ana@example.com"), mail.Mail{To: "ben@example.com", Letter: letter.PasswordReset{Link: "javascript:alert(1)"}}); err == nil {
		t.Error("a letter that cannot be written was staged")
	}
	if o.drain(t) != 0 {
		t.Error("its neighbour was kept")
	}
}

func TestAMailGoesToAPersonInTheirLanguage(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	if _, err := o.DB.Exec(t.Context(), "update user_profile set locale = 'fr', timezone = 'Europe/Paris' where user_id = $1", o.User.UUID()); err != nil {
		t.Fatal(err)
	}
	o.send(t, mail.Mail{User: o.User, Letter: letter.OrgDeleted{Organization: "Acme", Until: time.Date(2027, 1, 2, 12, 0, 0, 0, time.UTC)}})
	d := o.one(t, "acme@example.com")
	if m := sink.Read([]byte(o.mails()[0].Raw)); d.State != mail.Sent || !strings.Contains(m.Text, "2 janvier 2027 à 13:00 (Europe/Paris)") {
		t.Errorf("%s", m.Text)
	}
	for name, sql := range map[string]string{"Suspended": "update app_user set access = 'SUSPENDED'", "Erased": "update app_user set access = 'ENABLED', status = 'ERASED'", "WithoutAddress": "update user_profile set email = null"} {
		if _, err := o.DB.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
		if err := o.stage(t, mail.Mail{User: o.User, Letter: letter.Test{}}); err != nil || o.drain(t) != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := o.stage(t, mail.Mail{User: ident.New[ident.UserID](o.now), Letter: letter.Test{}}); err != nil {
		t.Error(err)
	}
}

func TestLimitsOfAnAddress(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	limited := testLetter("few@example.com")
	limited.PerDay = 3
	for range 5 {
		if err := o.stage(t, limited); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(o.all(t, "few@example.com")); n != 3 {
		t.Errorf("%d mails of 5 were staged, want 3", n)
	}
	o.pass(25 * time.Hour)
	if err := o.stage(t, limited); err != nil || len(o.all(t, "few@example.com")) != 4 {
		t.Errorf("the next day none was staged: %v", err)
	}
	for range 35 {
		if err := o.stage(t, testLetter("many@example.com")); err != nil {
			t.Fatal(err)
		}
	}
	o.drain(t)
	count := func() (sent int) {
		for _, d := range o.all(t, "many@example.com") {
			if d.State == mail.Sent {
				sent++
			} else if len(d.Attempts) > 0 {
				t.Errorf("a delayed mail counts as tried: %+v", d)
			}
		}
		return sent
	}
	if n := count(); n != 30 {
		t.Errorf("%d left in an hour, want 30", n)
	}
	o.pass(61 * time.Minute)
	if o.drain(t); count() != 35 {
		t.Errorf("%d left in two hours, want all", count())
	}
}

func TestDelayedMailsAreWithdrawn(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	m := testLetter("ana@example.com")
	m.NotBefore, m.Tags = o.now.Add(time.Hour), []string{"con_1"}
	other := m
	other.Tags = []string{"con_2"}
	if err := o.stage(t, m, other); err != nil || o.drain(t) != 0 {
		t.Fatalf("it left too early: %v", err)
	}
	err := o.Door.System(t.Context(), "test", o.Org, func(ctx context.Context, e *door.Effect) error {
		e.Quiet()
		n, err := o.mail.Withdraw(ctx, e, "test", "con_1")
		if n != 1 {
			t.Errorf("%d mails were withdrawn", n)
		}
		return err
	})
	o.pass(2 * time.Hour)
	if n := o.drain(t); err != nil || n != 1 || !slices.Equal(o.one(t, "ana@example.com").Tags, []string{"con_2"}) {
		t.Errorf("%d mails left: %v", n, err)
	}
}

func TestAMailThatWaitedTooLong(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	if err := o.stage(t, testLetter("ana@example.com")); err != nil {
		t.Fatal(err)
	}
	o.pass(73 * time.Hour)
	if o.drain(t); o.one(t, "ana@example.com").State != mail.Failed || len(o.mails()) != 0 {
		t.Errorf("%+v", o.one(t, "ana@example.com"))
	}
}

// TestServersThatFail: whatever is wrong with the server itself is worth another try, and takes bounded time.
func TestServersThatFail(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	p := startPost(t)
	good := smtp.Server{Host: p.host, Port: p.port, TLS: smtp.StartTLS, User: "nameplate", Password: secret.New("correct horse"), Roots: p.roots, Timeout: 2 * time.Second}
	m := smtp.Mail{From: "a@acme.example", To: "ana@example.com", MessageID: "1@acme.example", At: time.Now(), Subject: "s", Text: "t", HTML: "h"}
	if err := good.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*smtp.Server){
		"WrongPassword":     func(s *smtp.Server) { s.Password = secret.New("wrong") },
		"UnknownAuthority":  func(s *smtp.Server) { s.Roots = nil },
		"NoTLSWithPassword": func(s *smtp.Server) { s.TLS = smtp.Off },
		"Closed":            func(s *smtp.Server) { s.Port = 1 },
		"Silent":            func(s *smtp.Server) { s.Port = silent.Addr().(*net.TCPAddr).Port; s.Timeout = 200 * time.Millisecond },
		"NotTLSAtAll":       func(s *smtp.Server) { s.TLS = smtp.Implicit },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := good
			change(&s)
			err := s.Send(t.Context(), m)
			if err == nil {
				t.Fatal("it was taken")
			}
			if _, final := err.(*smtp.Refusal); final {
				t.Errorf("it was given up: %v", err)
			}
			if strings.Contains(err.Error(), "correct horse") {
				t.Errorf("the password stands in %v", err)
			}
		})
	}
}

// TestNothingIsInjected: no header, no recipient and no second mail, whatever stands in a subject, a name or an address.
func TestNothingIsInjected(t *testing.T) {
	t.Parallel()
	p := startPost(t)
	s := smtp.Server{Host: p.host, Port: p.port, TLS: smtp.StartTLS, User: "nameplate", Password: secret.New("correct horse"), Roots: p.roots}
	evil := "x\r\nBcc: victim@example.org\r\n\r\nhello\r\n.\r\nMAIL FROM:<a@b.c>\r\n"
	m := smtp.Mail{FromName: evil, From: "a@acme.example", To: "ana@example.com", MessageID: "1@acme.example", At: time.Now(), Locale: evil, Subject: evil + strings.Repeat("ж", 3000), Text: "one\n.\nMAIL FROM:<x@y.z>\n.", HTML: "<p>.</p>\r\n.\r\nQUIT\r\n"}
	if err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	in := p.mails()
	if len(in) != 1 || in[0].header(t, "Bcc") != "" || in[0].header(t, "To") != "<ana@example.com>" {
		t.Fatalf("%d mails\n%s", len(in), in[0].Raw)
	}
	if got := sink.Read([]byte(in[0].Raw)); strings.ReplaceAll(strings.TrimRight(got.Text, "\r\n"), "\r\n", "\n") != m.Text {
		t.Errorf("the text arrived as %q", got.Text)
	}
	for line := range strings.SplitSeq(in[0].Raw, "\r\n") {
		if len(line) > 998 {
			t.Errorf("a line of %d octets (RFC 5322, section 2.1.1)", len(line))
		}
	}
	for _, to := range []string{"ana@example.com\r\nRCPT TO:<victim@example.org>", "ana@example.com>\r\nDATA", "a b@example.com", "ana@example.com, victim@example.org", ""} {
		if err := s.Send(t.Context(), smtp.Mail{From: "a@acme.example", To: to, MessageID: "1@x", Subject: "s", Text: "t"}); err == nil {
			t.Errorf("%q was taken", to)
		}
	}
	if n := len(p.mails()); n != 1 {
		t.Errorf("%d mails arrived", n)
	}
}

func TestArgumentsAreSealedAndErased(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.send(t, mail.Mail{To: "ana@example.com", Letter: letter.MFACode{Code: "482913", Until: o.now, Place: "x"}})
	var row string
	if err := o.DB.QueryRow(t.Context(), "select row_to_json(m)::text || encode(sealed_args, 'escape') from outbound_message m").Scan(&row); err != nil || strings.Contains(row, "482913") {
		t.Errorf("the code can be read in the database: %v", err)
	}
	if rows := fmt.Sprint(o.Actions(t)); !strings.Contains(rows, "message.queued message.sent") {
		t.Errorf("the ledger says %s", rows)
	}
	erase := o.mail.Part().Periodics[0]
	o.pass(29 * 24 * time.Hour)
	left := func() (n int) {
		if err := o.DB.QueryRow(t.Context(), "select count(*) from outbound_message where sealed_args is not null").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if err := erase.Do(t.Context()); err != nil || left() != 1 {
		t.Errorf("erased too early: %v", err)
	}
	o.pass(2 * 24 * time.Hour)
	if err := erase.Do(authz.System(t.Context(), "test")); err != nil || left() != 0 {
		t.Errorf("not erased after 30 days: %v", err)
	}
}
