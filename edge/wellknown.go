package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	challengePath = "/.well-known/acme-challenge/"
	noncePath     = "/.well-known/nameplate/"
	tokenMost     = 128
	missKept      = time.Second
	missesMost    = 10_000
	lookTime      = 3 * time.Second
	lookGap       = 100 * time.Millisecond // between two questions to the database about one name's TLS challenge
	looksMost     = 32                     // questions to the database at once
)

// wellKnown answers what CAs and our own probes ask for, on both ports and before everything else (ED-10). It says whether it has.
func (e *Edge) wellKnown(w http.ResponseWriter, r *http.Request, host string) bool {
	if token, is := strings.CutPrefix(r.URL.Path, challengePath); is {
		e.answerChallenge(w, r, host, token)
		return true
	}
	if nonce, is := strings.CutPrefix(r.URL.Path, noncePath); is {
		if len(nonce) > tokenMost || e.Nonce == nil || !e.Nonce.Valid(host, nonce) {
			plain(w, r, http.StatusNotFound, "unknown\n")
			return true
		}
		arrived := "http"
		if r.TLS != nil {
			arrived = "https"
		}
		w.Header().Set("Nameplate-Arrived", arrived) // a probe that left as https and arrives as http went through a proxy that decrypts
		plain(w, r, http.StatusOK, nonce+" "+e.Name)
		return true
	}
	return false
}

func (e *Edge) answerChallenge(w http.ResponseWriter, r *http.Request, host, token string) {
	if !isToken(token) || e.Challenges == nil || e.table.find(host) == nil {
		plain(w, r, http.StatusNotFound, "unknown\n")
		return
	}
	answer, err := e.known.http(r.Context(), e.Challenges, host, token)
	switch {
	case err != nil:
		e.Log.Warn("read a challenge", "err", err)
		w.Header().Set("Retry-After", "1")
		plain(w, r, http.StatusServiceUnavailable, "try again\n")
	case answer == "":
		plain(w, r, http.StatusNotFound, "unknown\n")
	default:
		plain(w, r, http.StatusOK, answer)
	}
}

// plain answers a few words. GET and HEAD alone ask for them.
func plain(w http.ResponseWriter, r *http.Request, status int, text string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		status, text = http.StatusMethodNotAllowed, "GET or HEAD\n"
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// isToken is the alphabet of ACME tokens (RFC 8555 section 8.3).
func isToken(s string) bool {
	if s == "" || len(s) > tokenMost {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// challenges stands between the open internet and one row of the database.
//
// Anybody may ask for any token of a known name, so misses of HTTP-01 are remembered for a second. A miss of TLS-ALPN-01 never is: its question
// has no token, and a stranger who asks a moment before the order begins must not hide its challenge from the CA. Instead, who asks about a name
// while a question about it is under way waits for the next, which begins after they came; so answers are never old, and one name costs ten
// questions a second at most.
type challenges struct {
	mu     sync.Mutex
	misses map[string]time.Time
	waits  map[string]*look
	once   sync.Once
	places chan struct{}
}

type look struct {
	done        chan struct{}
	next        *look // begins after this one, for those who came since
	certificate *tls.Certificate
	err         error
}

func (c *challenges) place(ctx context.Context) (func(), error) {
	c.once.Do(func() { c.places = make(chan struct{}, looksMost) })
	select {
	case c.places <- struct{}{}:
		return func() { <-c.places }, nil
	case <-ctx.Done():
		return nil, errors.New("too many questions about challenges at once")
	}
}

func (c *challenges) http(ctx context.Context, from Challenges, host, token string) (string, error) {
	key := host + " " + token
	c.mu.Lock()
	missed, known := c.misses[key]
	c.mu.Unlock()
	if known && time.Since(missed) < missKept {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	leave, err := c.place(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	answer, err := from.HTTP01(ctx, host, token)
	if err != nil || answer != "" {
		return answer, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.misses == nil || len(c.misses) >= missesMost {
		c.misses = map[string]time.Time{}
	}
	c.misses[key] = time.Now()
	return "", nil
}

func (c *challenges) alpn(ctx context.Context, from Challenges, host string) (*tls.Certificate, error) {
	if from == nil {
		return nil, nil
	}
	l := c.join(ctx, from, host)
	select {
	case <-l.done:
		return l.certificate, l.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// join finds the question about host that has not begun, or begins one.
func (c *challenges) join(ctx context.Context, from Challenges, host string) *look {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waits == nil {
		c.waits = map[string]*look{}
	}
	running := c.waits[host]
	if running == nil {
		l := &look{done: make(chan struct{})}
		c.waits[host] = l
		go c.ask(context.WithoutCancel(ctx), from, host, l) // others wait for it too; each round ends within lookTime
		return l
	}
	if running.next == nil {
		running.next = &look{done: make(chan struct{})}
	}
	return running.next
}

// ask goes on as long as somebody waits.
func (c *challenges) ask(ctx context.Context, from Challenges, host string, l *look) {
	for l != nil {
		l.certificate, l.err = c.read(ctx, from, host)
		close(l.done)
		time.Sleep(lookGap)
		c.mu.Lock()
		next := l.next
		if next == nil {
			delete(c.waits, host)
		} else {
			c.waits[host] = next
		}
		c.mu.Unlock()
		l = next
	}
}

func (c *challenges) read(ctx context.Context, from Challenges, host string) (*tls.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	leave, err := c.place(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return from.TLSALPN01(ctx, host)
}
