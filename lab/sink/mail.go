// Package sink takes in what the product sends into the world: mails and webhooks. It keeps them in memory,
// shows them to people and answers tests.
package sink

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"time"

	"encoding/base64"

	"github.com/emersion/go-smtp"
)

// Message is one mail as it arrived.
type Message struct {
	ID      int       `json:"id"`
	At      time.Time `json:"at"`
	From    string    `json:"from"` // of the envelope
	To      []string  `json:"to"`   // of the envelope
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	HTML    string    `json:"html,omitempty"`
	Raw     string    `json:"raw"`
}

// Mail is an SMTP server on loopback. It refuses every address that begins with bounce@ with 550.
type Mail struct {
	Addr string // host:port
	now  func() time.Time
	srv  *smtp.Server
	l    net.Listener
	done chan struct{}

	mu       sync.Mutex
	messages []Message
	next     int
}

const (
	maxMessage  = 2 << 20
	keepMessage = 500
)

// StartMail serves on l.
func StartMail(l net.Listener, now func() time.Time) *Mail {
	m := &Mail{Addr: l.Addr().String(), now: now, l: l, done: make(chan struct{})}
	m.srv = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{mail: m}, nil }))
	m.srv.Domain, m.srv.AllowInsecureAuth = "mail.lab", true
	m.srv.MaxMessageBytes, m.srv.MaxRecipients = maxMessage, 50
	m.srv.ReadTimeout, m.srv.WriteTimeout = 30*time.Second, 10*time.Second
	go func() {
		defer close(m.done)
		_ = m.srv.Serve(l)
	}()
	return m
}

// Close ends the server and its connections.
func (m *Mail) Close() {
	_ = m.l.Close()
	_ = m.srv.Close()
	<-m.done
}

// Messages lists the mails to an address, or all of them for "", oldest first.
func (m *Mail) Messages(to string) []Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.messages), func(msg Message) bool {
		return to != "" && !slices.ContainsFunc(msg.To, func(a string) bool { return strings.EqualFold(a, to) })
	})
}

// Text takes in a text message, which stands among the mails: what it says is its subject too, and it has no HTML.
func (m *Mail) Text(to, text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keep(Message{At: m.now(), From: "text message", To: []string{to}, Subject: text, Text: text, Raw: text})
}

// keep numbers a message and forgets the oldest above the most that are kept. The caller holds the lock.
func (m *Mail) keep(msg Message) {
	m.next++
	msg.ID = m.next
	if m.messages = append(m.messages, msg); len(m.messages) > keepMessage {
		m.messages = slices.Clone(m.messages[1:])
	}
}

// Clear forgets all.
func (m *Mail) Clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.messages = nil
}

type session struct {
	mail *Mail
	from string
	to   []string
}

func (s *session) Reset()        { s.from, s.to = "", nil }
func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(strings.ToLower(to), "bounce@") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("read the mail: %w", err)
	}
	msg := Read(raw)
	msg.At, msg.From, msg.To = s.mail.now(), s.from, slices.Clone(s.to)
	s.mail.mu.Lock()
	defer s.mail.mu.Unlock()
	s.mail.keep(msg)
	return nil
}

// Read reads subject and bodies of a mail. What cannot be read stays in Raw alone: a sink refuses nothing.
func Read(raw []byte) Message {
	out := Message{Raw: string(raw)}
	m, err := mail.ReadMessage(strings.NewReader(out.Raw))
	if err != nil {
		return out
	}
	var words mime.WordDecoder
	if out.Subject, err = words.DecodeHeader(m.Header.Get("Subject")); err != nil {
		out.Subject = m.Header.Get("Subject")
	}
	collect(&out, m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body, 0)
	return out
}

func collect(out *Message, contentType, encoding string, body io.Reader, depth int) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") && depth < 5 {
		parts := multipart.NewReader(body, params["boundary"])
		for range 20 {
			p, err := parts.NextRawPart()
			if err != nil {
				return
			}
			collect(out, p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p, depth+1)
		}
		return
	}
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	text, err := io.ReadAll(body)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return
	}
	switch {
	case kind == "text/html" && out.HTML == "":
		out.HTML = string(text)
	case kind == "text/plain" && out.Text == "":
		out.Text = string(text)
	}
}
