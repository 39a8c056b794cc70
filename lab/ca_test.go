package lab_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"

	"github.com/nameplate-dev/nameplate/lab"
	"github.com/nameplate-dev/nameplate/lab/acmeca"
)

// edge is the smallest thing that can answer http-01.
type edge struct {
	mu     sync.Mutex
	values map[string]string
	cert   tls.Certificate
}

func (e *edge) Present(_ context.Context, c acme.Challenge) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.values[c.HTTP01ResourcePath()] = c.KeyAuthorization
	return nil
}

// latest is the certificate that was obtained last.
func (e *edge) latest(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return &e.cert, nil
}

func (e *edge) CleanUp(context.Context, acme.Challenge) error { return nil }

func (e *edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if v, ok := e.values[r.URL.Path]; ok {
		_, _ = w.Write([]byte(v))
		return
	}
	http.NotFound(w, r)
}

// customer starts a world whose edge answers http-01, and an ACME client with an account at the main CA.
func customer(t *testing.T, opts ...lab.Option) (*lab.World, *acmez.Client, func(name string) (*x509.Certificate, error)) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &edge{values: map[string]string{}}
	srv := &http.Server{Handler: e}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	secure, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: e.latest, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = srv.Serve(secure) }()
	port := func(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }
	w := lab.Start(t, append(opts, func(c *lab.Config) { c.EdgeHTTPPort, c.EdgeHTTPSPort = port(l), port(secure) })...)

	client := &acmez.Client{
		Client: &acme.Client{
			Directory: w.CA("main").DirectoryURL(), UserAgent: "lab test", PollInterval: 20 * time.Millisecond,
			HTTPClient: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: acmeca.Pool(w.DirectoryRootPEM())}}},
		},
		ChallengeSolvers: map[string]acmez.Solver{acme.ChallengeTypeHTTP01: e},
	}
	key := newKey(t)
	account, err := client.NewAccount(t.Context(), acme.Account{TermsOfServiceAgreed: true, PrivateKey: key})
	if err != nil {
		t.Fatalf("make an account: %v", err)
	}
	return w, client, func(name string) (*x509.Certificate, error) {
		key := newKey(t)
		chains, err := client.ObtainCertificateForSANs(t.Context(), account, key, []string{name})
		if err != nil {
			return nil, err
		}
		keyDER, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, err
		}
		pair, err := tls.X509KeyPair(chains[0].ChainPEM, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
		if err != nil {
			return nil, err
		}
		e.mu.Lock()
		e.cert = pair
		e.mu.Unlock()
		leaf, rest, _ := strings.Cut(string(chains[0].ChainPEM), "-----END CERTIFICATE-----\n")
		cert, err := x509.ParseCertificate(der(t, leaf+"-----END CERTIFICATE-----\n"))
		if err != nil {
			return nil, err
		}
		_, err = cert.Verify(x509.VerifyOptions{DNSName: name, Roots: acmeca.Pool(w.RootsPEM()), Intermediates: acmeca.Pool([]byte(rest))})
		return cert, err
	}
}

func newKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestOrderOverHTTP01(t *testing.T) {
	t.Parallel()
	w, _, obtain := customer(t, func(c *lab.Config) { c.CertLifetime = 2 * time.Hour })
	if len(w.CA("main").Orders()) != 0 {
		t.Fatal("orders before anybody ordered")
	}
	w.Zone("acme.lab").Set("shop", "A", "127.0.0.1")
	cert, err := obtain("shop.acme.lab")
	if err != nil {
		t.Fatal(err)
	}
	if life := cert.NotAfter.Sub(cert.NotBefore); life > 2*time.Hour || life < 2*time.Hour-time.Minute {
		t.Errorf("lives for %s, want two hours", life)
	}
	orders := w.CA("main").OrdersFor("shop.acme.lab")
	if len(orders) != 1 || orders[0].Status != "valid" || orders[0].Serial == "" {
		t.Errorf("orders %+v", orders)
	}
	if n := len(w.CA("second").Orders()); n != 0 {
		t.Errorf("the second CA has %d orders", n)
	}
	if len(w.CAResolver().Log("shop.acme.lab")) == 0 || len(w.Recursor(1).Log("shop.acme.lab")) != 0 {
		t.Error("the CA must ask its own resolver, and nobody else's")
	}
}

func TestVisitThroughTheEdge(t *testing.T) {
	t.Parallel()
	w, _, obtain := customer(t)
	w.Zone("acme.lab").Set("shop", "A", "127.0.0.1")
	if _, err := w.Visit(t.Context(), "shop.acme.lab", "/"); err == nil {
		t.Error("a visit without a certificate went well")
	}
	if _, err := obtain("shop.acme.lab"); err != nil {
		t.Fatal(err)
	}
	page, err := w.Visit(t.Context(), "Shop.acme.lab", "/nothing")
	if err != nil {
		t.Fatal(err)
	}
	if page.Code != 404 || page.Certificate.Names[0] != "shop.acme.lab" || !strings.HasPrefix(page.Certificate.Issuer, "Pebble Intermediate") {
		t.Errorf("page %+v, certificate %+v", page, page.Certificate)
	}
	if _, err := w.Visit(t.Context(), "other.acme.lab", "/"); err == nil {
		t.Error("the certificate of another name was accepted")
	}
	_, body := send(t, "GET", w.Addresses.Page+"/visit?host=https://shop.acme.lab/nothing", "")
	for _, want := range []string{"404 Not Found", "--resolve shop.acme.lab:", "Pebble Intermediate"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing in %s", want, body)
		}
	}
	if _, body := send(t, "GET", w.Addresses.Page+"/live", ""); !strings.Contains(body, "valid") {
		t.Error("the order is not on the page")
	}
}

func TestOrderForANameThatPointsElsewhereFails(t *testing.T) {
	t.Parallel()
	w, _, obtain := customer(t)
	if _, err := obtain("nothing.acme.lab"); err == nil {
		t.Fatal("issued for a name without an address")
	}
	orders := w.CA("main").OrdersFor("nothing.acme.lab")
	if len(orders) != 1 || orders[0].Status != "invalid" || orders[0].Problem == "" {
		t.Errorf("orders %+v", orders)
	}
}

func TestSwitchesOfTheCA(t *testing.T) {
	t.Parallel()
	w, client, obtain := customer(t)
	w.Zone("acme.lab").Set("shop", "A", "127.0.0.1")
	c := w.CA("main")

	c.SetDown(true)
	res, err := client.HTTPClient.Get(c.DirectoryURL())
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("down, the directory answers %s", res.Status)
	}
	c.SetDown(false)

	c.SetRateLimited(90 * time.Second)
	_, err = obtain("shop.acme.lab")
	if p, ok := errors.AsType[acme.Problem](err); !ok || p.Type != acme.ProblemTypeRateLimited {
		t.Errorf("rate limited: %v", err)
	}
	if len(c.Orders()) != 0 {
		t.Error("a refused order is in the log")
	}
	c.SetRateLimited(0)
	if _, err := obtain("shop.acme.lab"); err != nil {
		t.Errorf("after the limit: %v", err)
	}
	if err := c.Reject("flat.lab"); err != nil {
		t.Fatal(err)
	}
	_, err = obtain("www.flat.lab")
	if p, ok := errors.AsType[acme.Problem](err); !ok || p.Type != acme.ProblemTypeRejectedIdentifier {
		t.Errorf("a name that the CA refuses: %v", err)
	}
}

func der(t *testing.T, text string) []byte {
	t.Helper()
	b, _ := pem.Decode([]byte(text))
	if b == nil {
		t.Fatalf("no PEM in %q", text)
	}
	return b.Bytes
}
