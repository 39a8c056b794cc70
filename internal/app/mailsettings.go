package app

import (
	"cmp"
	"context"
	"fmt"
	"net"
	netmail "net/mail"
	"strconv"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/smtp"
)

// MailSettings say where mails are handed in, and whose they are.
type MailSettings struct {
	Host     string // of the mail server; "": nothing leaves
	Port     int
	TLS      smtp.TLS
	User     string
	Password secret.String
	Roots    string // PEM file that its certificate is verified with; "" is the system's
	From     netmail.Address
	Envelope string
	Hook     secret.String
}

const shortestHook = 16 // characters of mail.hook_secret

// mail reads the settings of mails.
func (p *parser) mail(r *Raw) MailSettings {
	m := MailSettings{TLS: smtp.TLS(r.mailTLS), User: r.mailUser, Password: secret.New(r.mailPassword), Roots: r.mailRoots, Hook: secret.New(r.mailHook), From: netmail.Address{Name: "Nameplate"}}
	if m.TLS != smtp.StartTLS && m.TLS != smtp.Implicit && m.TLS != smtp.Off {
		p.wrong("mail.tls", "is starttls, implicit or off, not %q", r.mailTLS)
	}
	if n := len(r.mailHook); n > 0 && n < shortestHook {
		p.wrong("mail.hook_secret", "has at least %d characters", shortestHook)
	}
	if r.mailFrom != "" {
		a, err := netmail.ParseAddress(r.mailFrom)
		if err == nil {
			a.Address, err = mail.Address("mail.from", a.Address)
		}
		if err != nil {
			p.wrong("mail.from", "is a name and an address, such as Example Domains <no-reply@example.com>")
		} else {
			m.From = netmail.Address{Name: cmp.Or(a.Name, m.From.Name), Address: a.Address}
		}
	}
	if r.mailEnvelope != "" {
		var err error
		if m.Envelope, err = mail.Address("mail.envelope_from", r.mailEnvelope); err != nil {
			p.wrong("mail.envelope_from", "is an address, such as bounces@example.com")
		}
	}
	if r.smtp == "" {
		return m
	}
	host, port, err := net.SplitHostPort(r.smtp)
	n, wrong := strconv.ParseUint(port, 10, 16)
	if err != nil || wrong != nil || host == "" || n == 0 {
		p.wrong("mail.smtp", "is host:port, such as smtp.example.net:587")
		return m
	}
	m.Host, m.Port = host, int(n)
	if m.From.Address == "" {
		p.wrong("mail.from", "is missing: mail.smtp asks for the address that mails come from")
	}
	if m.TLS == smtp.Off && m.User != "" && !onLoopback(r.smtp) {
		p.wrong("mail.tls", "cannot be off where there is a password, unless the server is on this machine: everybody on the way would read it")
	}
	return m
}

// print is what `nameplate config` says of mails.
func (m MailSettings) print(line func(string, any), hidden func(secret.String) string) {
	if m.Host == "" {
		line("mail.smtp", "(not set: no mail leaves)")
	} else {
		line("mail.smtp", fmt.Sprintf("%s:%d (%s)", m.Host, m.Port, m.TLS))
	}
	line("mail.user", cmp.Or(m.User, "(not set)"))
	line("mail.password", hidden(m.Password))
	line("mail.from", m.From.String())
	line("mail.envelope_from", cmp.Or(m.Envelope, m.From.Address))
	line("mail.hook_secret", hidden(m.Hook))
}

// mails builds the way out for everything that is said to people. Each set brings the letters of a district.
func (a *App) mails(sets ...letter.Set) error {
	s := a.Settings.Mail
	book, err := letter.NewBook(sets...)
	if err != nil {
		return fmt.Errorf("read the letters: %w", err)
	}
	a.Mails = &mail.Service{DB: a.DB, Door: a.Door, Authz: a.Authz, Vault: a.Vault, Hub: a.Hub, Work: a.Work, Log: a.Log, Book: book,
		From: s.From, Envelope: s.Envelope, Home: a.Settings.ConsoleOrigin, HookSecret: s.Hook}
	a.Mails.Silent = func(ctx context.Context, tx *db.Tx, org ident.OrgID) (bool, error) {
		entitled, err := a.plans.EntitledTx(ctx, tx, org)
		return !entitled, err
	}
	a.Mails.Measure(a.Metrics)
	if s.Host == "" {
		return nil
	}
	roots, err := pool(s.Roots)
	if err != nil {
		return fmt.Errorf("read mail.roots: %w", err)
	}
	a.Mails.Server = &smtp.Server{Host: s.Host, Port: s.Port, TLS: s.TLS, User: s.User, Password: s.Password, Roots: roots}
	return nil
}
