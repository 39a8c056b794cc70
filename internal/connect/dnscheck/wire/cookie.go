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
	known map[netip.Addr]string // what is sent, in hexadecimal
}

const (
	maxCookies   = 20_000
	clientCookie = 8                // octets
	serverCookie = 2 * clientCookie // hexadecimal digits at which the server's part begins
)

// of gives what is sent to a server: our cookie, and the server's when it gave one. In hexadecimal, as miekg/dns has it.
func (j *jar) of(server netip.Addr) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	if c, ok := j.known[server]; ok {
		return c
	}
	return j.set(server, j.ours(server))
}

// ours is the half of the cookie that is ours (RFC 7873 section 4.1).
func (j *jar) ours(server netip.Addr) string {
	j.once.Do(func() { _, _ = rand.Read(j.secret[:]) }) // never fails
	mac := hmac.New(sha256.New, j.secret[:])
	mac.Write(server.AsSlice())
	return hex.EncodeToString(mac.Sum(nil)[:clientCookie])
}

func (j *jar) set(server netip.Addr, cookie string) string {
	if _, ok := j.known[server]; j.known == nil || !ok && len(j.known) >= maxCookies {
		j.known = map[netip.Addr]string{}
	}
	j.known[server] = cookie
	return cookie
}

// keep remembers what a server gave beside ours.
func (j *jar) keep(server netip.Addr, cookie string) {
	if len(cookie) <= serverCookie {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if known := j.known[server]; len(known) != len(cookie) || known[serverCookie:] != cookie[serverCookie:] {
		j.set(server, j.ours(server)+cookie[serverCookie:])
	}
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
