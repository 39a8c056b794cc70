package resolvers_test

import (
	"context"
	netmail "net/mail"
	"testing"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// mailsOf is the service of mails on a server's pool; nothing leaves.
func mailsOf(t testing.TB, s *server, d *db.DB) *mail.Service {
	t.Helper()
	book, err := letter.NewBook(letter.Accounts())
	if err != nil {
		t.Fatal(err)
	}
	return &mail.Service{DB: d, Door: s.Door, Authz: s.Authz, Vault: s.Vault, Hub: s.Hub, Work: s.Work, Book: book, From: netmail.Address{Name: "Nameplate", Address: "no-reply@nameplate.example"}}
}

// failedMail stages a mail and lets it have failed, to an address that is on the suppression list; it answers the mail's id.
func (s *server) failedMail(t testing.TB, to string) string {
	t.Helper()
	err := s.Door.System(t.Context(), "test", s.Org, func(ctx context.Context, e *door.Effect) error {
		return s.Mails.Stage(ctx, e, mail.Mail{To: to, Org: s.Org, Letter: letter.Test{Asked: "Ana"}})
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"insert into suppression (channel, recipient, reason, since) select 'EMAIL', recipient, 'bounce', queued_at from outbound_message where recipient = $1",
		`update outbound_message set state = 'FAILED', due_at = null, failed_at = queued_at, failed_reason = 'no', attempts = '[{"at": "2027-01-01T00:00:00Z", "ok": false, "error": "451"}]' where recipient = $1`,
	} {
		if _, err := s.DB.Exec(t.Context(), sql, to); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.Mails.Recent(t.Context(), mail.DeliveryFilter{Recipient: &to})
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	return list[0].ID.String()
}
