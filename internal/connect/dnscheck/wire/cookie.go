package wire

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"sync"

	"github.com/miekg/dns"
)

// jar keeps the cookies of servers (RFC 7873). Ours for a server is the same in every question of this process and tells nobody which
// other servers we ask; the server's is what it gave last. Who cannot read our questions cannot answer with our cookie.
type jar struct {
	once   sync.Once
	secret [32]byte

	mu    sync.Mutex
	known map[netip.Addr]string // hexadecimal
}

const (
	maxCookies   = 20_000
	clientCookie = 8                // octets
	serverCookie = 2 * clientCookie // hexadecimal digits at which the server's part begins
)

// of gives what is sent to a server: our cookie, and the server's when it gave one. In hexadecimal, as miekg/dns has it.
func (j *jar) of(server netip.Addr) string {
	j.once.Do(func() { _, _ = rand.Read(j.secret[:]) }) // never fails
	mac := hmac.New(sha256.New, j.secret[:])
	mac.Write(server.AsSlice())
	j.mu.Lock()
	defer j.mu.Unlock()
	return hex.EncodeToString(mac.Sum(nil)[:clientCookie]) + j.known[server]
}

// keep remembers what a server gave.
func (j *jar) keep(server netip.Addr, cookie string) {
	if len(cookie) <= serverCookie {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.known == nil || len(j.known) >= maxCookies {
		j.known = map[netip.Addr]string{}
	}
	j.known[server] = cookie[serverCookie:]
}

// drop forgets it: the server no longer sends cookies, which an answer over TCP has shown.
func (j *jar) drop(server netip.Addr) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.known, server)
}

// cookieOf reads the cookie of a message, "" when it has none that is well formed.
func cookieOf(m *dns.Msg) string {
	opt := m.IsEdns0()
	if opt == nil {
		return ""
	}
	for _, o := range opt.Option {
		if c, ok := o.(*dns.EDNS0_COOKIE); ok {
			if n := len(c.Cookie); n == serverCookie || n >= serverCookie+16 && n <= serverCookie+64 {
				return c.Cookie
			}
		}
	}
	return ""
}
