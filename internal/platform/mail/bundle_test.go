package mail_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/smtp"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// post is a mail server of the test's own: STARTTLS, AUTH, and answers by the local part of the recipient.
type post struct {
	host  string
	port  int
	roots *x509.CertPool

	mu       sync.Mutex
	taken    []letterIn
	asked    int    // RCPT commands
	accepted func() // called before a mail is answered with 250
}

type letterIn struct{ From, To, Raw string }

func (l letterIn) header(t *testing.T, name string) string {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(l.Raw))
	if err != nil {
		t.Fatal(err)
	}
	return m.Header.Get(name)
}

func startPost(t *testing.T) *post {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, _ := x509.ParseCertificate(der)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &post{host: "127.0.0.1", port: l.Addr().(*net.TCPAddr).Port, roots: x509.NewCertPool()}
	p.roots.AddCert(cert)
	srv := gosmtp.NewServer(gosmtp.BackendFunc(func(*gosmtp.Conn) (gosmtp.Session, error) { return &visit{p: p}, nil }))
	srv.Domain, srv.TLSConfig = "post.test", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	srv.ErrorLog = discard{}
	served := make(chan struct{})
	go func() { defer close(served); _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); <-served })
	return p
}

type discard struct{}

func (discard) Printf(string, ...any) {}
func (discard) Println(...any)        {}

func (p *post) mails() []letterIn {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]letterIn{}, p.taken...)
}

// visit is one connection. Nothing is taken before AUTH, and AUTH is only offered under TLS.
type visit struct {
	p        *post
	in       bool
	from, to string
}

func (v *visit) AuthMechanisms() []string { return []string{sasl.Plain} }
func (v *visit) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "nameplate" || password != "correct horse" {
			return gosmtp.ErrAuthFailed
		}
		v.in = true
		return nil
	}), nil
}
func (v *visit) Reset()        { v.from, v.to = "", "" }
func (v *visit) Logout() error { return nil }
func (v *visit) Mail(from string, _ *gosmtp.MailOptions) error {
	if !v.in {
		return gosmtp.ErrAuthRequired
	}
	v.from = from
	return nil
}
func (v *visit) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	v.p.mu.Lock()
	defer v.p.mu.Unlock()
	v.p.asked++
	switch local, _, _ := strings.Cut(to, "@"); local {
	case "gone":
		return &gosmtp.SMTPError{Code: 550, EnhancedCode: gosmtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	case "unwanted":
		return &gosmtp.SMTPError{Code: 550, EnhancedCode: gosmtp.EnhancedCode{5, 7, 1}, Message: "we do not like you"}
	case "later":
		return &gosmtp.SMTPError{Code: 451, EnhancedCode: gosmtp.EnhancedCode{4, 3, 0}, Message: "try again"}
	}
	v.to = to
	return nil
}
func (v *visit) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	v.p.mu.Lock()
	v.p.taken = append(v.p.taken, letterIn{v.from, v.to, string(raw)})
	accepted := v.p.accepted
	v.p.mu.Unlock()
	if accepted != nil {
		accepted()
	}
	return nil
}

// office is a spine with a mail service and a mail server, and a clock that a test moves.
type office struct {
	*spinetest.Bundle
	*post
	mail *mail.Service
	mu   sync.Mutex
	now  time.Time
	logs *strings.Builder
}

const hookSecret = "a secret of the gateway's"

func openOffice(t *testing.T) *office {
	t.Helper()
	book, err := letter.NewBook(letter.Accounts())
	if err != nil {
		t.Fatal(err)
	}
	o := &office{Bundle: spinetest.New(t), post: startPost(t), now: time.Now().Truncate(time.Microsecond), logs: &strings.Builder{}}
	o.DB.SetClock(func() time.Time { o.mu.Lock(); defer o.mu.Unlock(); return o.now })
	o.mail = &mail.Service{DB: o.DB, Door: o.Door, Authz: o.Authz, Vault: o.Vault, Hub: o.Hub, Work: o.Work, Book: book, Log: slog.New(slog.NewTextHandler(o.logs, nil)),
		Server: &smtp.Server{Host: o.host, Port: o.port, TLS: smtp.StartTLS, User: "nameplate", Password: secret.New("correct horse"), Roots: o.roots, Timeout: 10 * time.Second},
		From:   netmail.Address{Name: "Acme Domains", Address: "no-reply@acme.example"}, Home: "https://console.example.com", HookSecret: secret.New(hookSecret)}
	o.Join(o.mail.Part())
	return o
}

func (o *office) pass(d time.Duration) { o.mu.Lock(); defer o.mu.Unlock(); o.now = o.now.Add(d) }

// stage stages mails in a change of its own, as a package does that uses the service.
func (o *office) stage(t *testing.T, mails ...mail.Mail) error {
	t.Helper()
	return o.Door.System(t.Context(), "test", o.Org, func(ctx context.Context, e *door.Effect) error {
		e.Quiet()
		for _, m := range mails {
			if err := o.mail.Stage(ctx, e, m); err != nil {
				return err
			}
		}
		return nil
	})
}

// send stages and sends.
func (o *office) send(t *testing.T, m mail.Mail) {
	t.Helper()
	if err := o.stage(t, m); err != nil {
		t.Fatal(err)
	}
	o.drain(t)
}

func (o *office) drain(t *testing.T) int {
	t.Helper()
	n, err := o.mail.Drain(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// all lists what is known of the mails to an address.
func (o *office) all(t *testing.T, to string) []*mail.EmailDelivery {
	t.Helper()
	list, err := o.mail.Recent(t.Context(), mail.DeliveryFilter{Recipient: &to})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func (o *office) one(t *testing.T, to string) *mail.EmailDelivery {
	t.Helper()
	list := o.all(t, to)
	if len(list) != 1 {
		t.Fatalf("%d mails to %s", len(list), to)
	}
	return list[0]
}

// operator is a request of a person who is one.
func (o *office) operator(ctx context.Context) context.Context {
	return authz.With(ctx, authz.Principal{Kind: authz.OPERATOR, UserID: o.User, AAL: 2, AuthTime: o.DB.Now(), RequestID: "test", Locale: "en"})
}

func testLetter(to string) mail.Mail {
	return mail.Mail{To: to, Letter: letter.Test{Asked: "Ana"}}
}

var errStop = errors.New("stop")
