// Package smtp hands one mail at a time to a mail server and says what it answered, so that whoever asked knows whether trying again can help.
package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/wneessen/go-mail"
)

// TLS says how the connection to the server is protected.
type TLS string

const (
	StartTLS TLS = "starttls" // RFC 3207, always: a server without it is refused
	Implicit TLS = "implicit" // RFC 8314: TLS from the first byte
	Off      TLS = "off"      // for a relay on the same machine or network
)

// Server is where mails are handed in.
type Server struct {
	Host     string
	Port     int
	TLS      TLS
	User     string // "": no AUTH
	Password secret.String
	Roots    *x509.CertPool // nil: the system's
	Timeout  time.Duration  // of one mail; 0: 30 s
}

// Mail is one mail with one recipient. Addresses are ASCII (mail.Address makes them so).
type Mail struct {
	FromName  string
	From      string
	Envelope  string // where bounces go; "": From
	To        string
	MessageID string // without angle brackets
	At        time.Time
	Locale    string
	Subject   string
	Text      string
	HTML      string
}

// Refusal is the server's final answer: the same mail will not be taken later either. Every other error of Send is worth another try.
type Refusal struct {
	Code     int    // SMTP reply, 5xx
	Enhanced string // RFC 3463, "" without one
	Text     string
}

func (r *Refusal) Error() string { return r.Text }

// BadAddress says that it is the mailbox that is not there, not the mail that is not wanted: RFC 3463 X.1.1 to X.1.3, X.1.6, X.1.10 and X.2.1.
func (r *Refusal) BadAddress() bool {
	return slices.Contains([]string{"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"}, r.Enhanced)
}

// Send hands a mail in. When it answers nil the server has taken responsibility (RFC 5321, section 6.1). An error after that moment, such as a connection
// lost before the answer, may make a second copy: both carry the same Message-ID.
func (s *Server) Send(ctx context.Context, m Mail) error {
	msg, err := m.message()
	if err != nil {
		return &Refusal{Code: 553, Enhanced: "5.1.3", Text: err.Error()}
	}
	timeout := s.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("the mail server took longer than %s", timeout))
	defer cancel()
	options := []mail.Option{mail.WithPort(s.Port), mail.WithTimeout(timeout), mail.WithTLSConfig(&tls.Config{ServerName: s.Host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12}), mail.WithoutNoop(), mail.WithoutSMTPUTF8()}
	switch s.TLS {
	case Implicit:
		options = append(options, mail.WithSSL())
	case Off:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if s.User != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(s.User), mail.WithPassword(s.Password.Reveal()))
	}
	c, err := mail.NewClient(s.Host, options...)
	if err != nil {
		return fmt.Errorf("make a client for %s: %w", s.Host, err)
	}
	if err := c.DialWithContext(ctx); err != nil {
		return fmt.Errorf("connect to %s:%d: %w", s.Host, s.Port, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() }) // the library bounds only its dial by the context
	err = c.Send(msg)
	if stop() {
		_ = c.Close()
	}
	if err == nil || msg.IsDelivered() {
		return nil
	}
	return judge(err)
}

// message is the mail as RFC 5322 and MIME write it: text first, HTML as the alternative that is preferred.
func (m Mail) message() (*mail.Msg, error) {
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := errors.Join(msg.FromFormat(oneLine(m.FromName), m.From), msg.To(m.To)); err != nil {
		return nil, fmt.Errorf("the address is not valid: %w", err)
	}
	if m.Envelope != "" {
		if err := msg.EnvelopeFrom(m.Envelope); err != nil {
			return nil, fmt.Errorf("the address for bounces is not valid: %w", err)
		}
	}
	msg.Subject(oneLine(m.Subject))
	msg.SetMessageIDWithValue(m.MessageID)
	msg.SetDateWithValue(m.At)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no vacation notes in answer
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	if m.Locale != "" {
		msg.SetGenHeader("Content-Language", oneLine(m.Locale))
	}
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(mail.TypeTextHTML, m.HTML)
	return msg, nil
}

// oneLine is the last guard of a header: what reaches it was cleaned where it was written.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

var enhanced = regexp.MustCompile(`\b([245]\.\d{1,3}\.\d{1,3})\b`)

// judge tells a final answer from one that may be another later. What is not a reply of the server is worth a try.
func judge(err error) error {
	send, ok := errors.AsType[*mail.SendError](err)
	if !ok {
		return err
	}
	code, status := send.ErrorCode(), send.EnhancedStatusCode()
	text, _, _ := strings.Cut(err.Error(), ", affected ")
	if status == "" {
		status = enhanced.FindString(text)
	}
	if code < 500 || code > 599 {
		return errors.New(short(text))
	}
	return &Refusal{Code: code, Enhanced: status, Text: short(text)}
}

// short bounds what a stranger's server says to what is worth keeping.
func short(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(oneLine(s), "")), " ")
	if len(s) > 500 {
		s = strings.ToValidUTF8(s[:500], "") + "…"
	}
	return s
}
