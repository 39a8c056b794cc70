package app

import (
	"flag"
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/platform/mail/smtp"
)

func mailSettings(args ...string) (Settings, error) {
	fs := flag.NewFlagSet("test", flag.ContinueOnError)
	return Parse(fs, Flags(fs), args)
}

func TestMailSettings(t *testing.T) {
	s, err := mailSettings("--mail.smtp", "smtp.example.net:587", "--mail.user", "u", "--mail.password", "p4ssw0rd", "--mail.from", "Example Domains <No-Reply@BÜCHER.example>", "--mail.hook_secret", "0123456789abcdef")
	m := s.Mail
	if err != nil || m.Host != "smtp.example.net" || m.Port != 587 || m.TLS != smtp.StartTLS || m.From.Name != "Example Domains" || m.From.Address != "No-Reply@xn--bcher-kva.example" {
		t.Fatalf("%+v, %v", m, err)
	}
	if text := s.String(); strings.Contains(text, "p4ssw0rd") || strings.Contains(text, "0123456789abcdef") || !strings.Contains(text, "smtp.example.net:587 (starttls)") {
		t.Errorf("config prints\n%s", text)
	}
	if s, err := mailSettings(); err != nil || !strings.Contains(s.String(), "no mail leaves") || s.Mail.From.Name != "Nameplate" {
		t.Errorf("without settings: %v\n%s", err, s)
	}
	from := []string{"--mail.from", "a@example.com"}
	for want, args := range map[string][]string{
		"mail.smtp":          append(from, "--mail.smtp", "smtp.example.net"),
		"mail.from is miss":  {"--mail.smtp", "smtp.example.net:25"},
		"mail.from is a":     {"--mail.from", "nobody"},
		"mail.tls is":        {"--mail.tls", "ssl"},
		"mail.tls cannot":    append(from, "--mail.smtp", "smtp.example.net:25", "--mail.tls", "off", "--mail.user", "u"),
		"mail.hook_secret":   {"--mail.hook_secret", "short"},
		"mail.envelope_from": {"--mail.envelope_from", "x@y\r\nz"},
	} {
		if _, err := mailSettings(args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
	for _, args := range [][]string{append(from, "--mail.smtp", "relay:25", "--mail.tls", "off"), append(from, "--mail.smtp", "127.0.0.1:25", "--mail.tls", "off", "--mail.user", "u")} {
		if _, err := mailSettings(args...); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
}
