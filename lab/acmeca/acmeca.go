// Package acmeca is a certification authority with an ACME directory (RFC 8555): Pebble's packages in this
// process, a log of its orders, and switches for the days on which a CA does not work. It does not evaluate
// CAA, so the log is the proof that nothing was ordered.
package acmeca

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"log/slog"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"

	"github.com/nameplate-dev/nameplate/lab/loopback"
)

// Config of a CA.
type Config struct {
	Name      string // "main"
	Identity  string // what CAA records name
	Port      int    // of the directory; 0 for a free one
	HTTPPort  int    // where it looks for http-01
	TLSPort   int    // where it looks for tls-alpn-01
	Resolver  string // host:port of the resolver that it asks, over TCP
	Lifetime  time.Duration
	Log       *slog.Logger
	Now       func() time.Time // dates the order log
	CertOfDir tls.Certificate  // of the directory itself
}

// CA is a running authority.
type CA struct {
	Name, Identity string

	url   string
	addr  string
	root  []byte
	store *db.MemoryStore
	inner http.Handler
	now   func() time.Time
	stop  func()

	turn sync.Mutex // held for each request to Pebble, see ask

	mu      sync.Mutex
	down    bool
	limited time.Duration
	orders  []*order
}

// environment sets Pebble's switches, which it reads when it is constructed: no random sleeps, no nonces
// refused at random, no authorization used twice.
var environment = sync.OnceFunc(func() {
	for k, v := range map[string]string{"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"} {
		_ = os.Setenv(k, v)
	}
})

// Start starts the CA. Pebble's own loop for validations never ends; everything else does with Close.
func Start(ctx context.Context, cfg Config) (*CA, error) {
	environment()
	l, err := loopback.Listen(ctx, cfg.Port)
	if err != nil {
		return nil, fmt.Errorf("start the CA %s: %w", cfg.Name, err)
	}
	if cfg.Lifetime == 0 {
		cfg.Lifetime = 90 * 24 * time.Hour
	}
	logger := log.New(debug{cfg.Log.With("ca", cfg.Name)}, "", 0)
	store := db.NewMemoryStore()
	// One profile only: Pebble picks one at random for orders that name none.
	issuer := ca.New(logger, store, "", "ecdsa", 0, 1, map[string]ca.Profile{
		"default": {Description: "the only one", ValidityPeriod: uint64(cfg.Lifetime / time.Second)},
	})
	checker := va.New(logger, cfg.HTTPPort, cfg.TLSPort, false, cfg.Resolver, store)
	front := wfe.New(logger, store, checker, issuer, []string{cfg.Identity}, false, false, 1, 1)
	c := &CA{
		Name: cfg.Name, Identity: cfg.Identity, store: store, inner: front.Handler(), now: cfg.Now,
		root: issuer.GetRootCert(0).PEM(), addr: l.Addr().String(),
	}
	_, port, _ := net.SplitHostPort(c.addr)
	c.url = "https://localhost:" + port + "/dir"
	c.stop = loopback.Serve(tls.NewListener(l, &tls.Config{
		Certificates: []tls.Certificate{cfg.CertOfDir}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
	}), c)
	return c, nil
}

// Close ends the directory.
func (c *CA) Close() { c.stop() }

// DirectoryURL is where ACME clients begin. Its TLS certificate is not one of its own: see World.RootsPEM.
func (c *CA) DirectoryURL() string { return c.url }

// Addr is the host:port that is bound.
func (c *CA) Addr() string { return c.addr }

// RootPEM is the root that signs what the CA issues.
func (c *CA) RootPEM() []byte { return bytes.Clone(c.root) }

// SetDown makes the whole directory answer 503, or ends that.
func (c *CA) SetDown(down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = down
}

// Down says whether it is.
func (c *CA) Down() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.down
}

// SetRateLimited refuses new orders with rateLimited and the given Retry-After; 0 ends that.
func (c *CA) SetRateLimited(retryAfter time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limited = retryAfter
}

// RateLimited is the Retry-After in force, 0 when there is none.
func (c *CA) RateLimited() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.limited
}

// SuggestRenewal says from now on that a certificate, named by its serial in hex, is to be renewed in a window (RFC 9773).
func (c *CA) SuggestRenewal(serial string, start, end time.Time) error {
	n, ok := new(big.Int).SetString(serial, 16)
	if !ok {
		return fmt.Errorf("%q is no serial", serial)
	}
	return c.store.SetARIResponse(n, fmt.Sprintf(`{"suggestedWindow":{"start":%q,"end":%q}}`, start.UTC().Format(time.RFC3339), end.UTC().Format(time.RFC3339)))
}

// Reject makes the CA refuse a name and everything below it for good, as a CA's policy does.
func (c *CA) Reject(name string) error { return c.store.AddBlockedDomain(name) }

// Paths of Pebble's front end that the switches and the log need, and how long a request may be.
const (
	newOrderPath = "/order-plz"
	noncePath    = "/nonce-plz"

	longestRequest = 1 << 20
)

// ServeHTTP is the directory behind the switches.
func (c *CA) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	down, limited := c.down, c.limited
	c.mu.Unlock()
	switch {
	case down:
		problem(w, http.StatusServiceUnavailable, "serverInternal", "the CA is down for maintenance")
		return
	case limited > 0 && r.URL.Path == newOrderPath:
		// Errors carry a fresh nonce too (RFC 8555 section 6.5).
		head := httptest.NewRequest(http.MethodHead, noncePath, nil)
		head.Header.Set("User-Agent", "lab")
		w.Header().Set("Replay-Nonce", c.ask(head).Header().Get("Replay-Nonce"))
		w.Header().Set("Retry-After", strconv.Itoa(int((limited+time.Second-1)/time.Second)))
		problem(w, http.StatusTooManyRequests, "rateLimited", "too many new orders")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, longestRequest))
	if err != nil {
		problem(w, http.StatusBadRequest, "malformed", "the request cannot be read")
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	said := c.ask(r)
	maps.Copy(w.Header(), said.Header())
	w.WriteHeader(said.Code)
	_, _ = w.Write(said.Body.Bytes())
}

// ask asks Pebble, one request after the other: its locks stand in the way of each other. Whoever asks for an authorization holds it and waits for the store, while
// whoever asks for an order holds the store and waits for the authorization; with a writer in between, both wait for ever. No client waits for another one here,
// because requests are read before and answers written afterwards.
func (c *CA) ask(r *http.Request) *httptest.ResponseRecorder {
	c.turn.Lock()
	defer c.turn.Unlock()
	said := httptest.NewRecorder()
	if r.URL.Path != newOrderPath {
		c.inner.ServeHTTP(said, r)
		return said
	}
	c.findReplaced()
	c.inner.ServeHTTP(said, r)
	if said.Code == http.StatusCreated {
		c.log(said)
	}
	return said
}

func problem(w http.ResponseWriter, status int, kind, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "urn:ietf:params:acme:error:" + kind, "detail": detail, "status": status})
}

// debug turns Pebble's lines into debug records.
type debug struct{ log *slog.Logger }

func (d debug) Write(p []byte) (int, error) {
	d.log.Debug(strings.TrimSpace(string(p)))
	return len(p), nil
}

// Pool reads PEM into a pool, for clients in the same process.
func Pool(certs ...[]byte) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AppendCertsFromPEM(c)
	}
	return pool
}

func block(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
