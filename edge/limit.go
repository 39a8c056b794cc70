package edge

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nameplate-dev/nameplate/edge/bucket"
)

const (
	activeMost  = 1000 // requests of one connection under way at once (ED-18)
	defaultRate = 200
	burstFactor = 5
	socketsMost = 20_000
	loggedMost  = 100 // refused names a minute that reach the log
)

// limits are what one client, one connection and one minute may cost.
type limits struct {
	clients bucket.Table
	local   bool // the lab: everybody comes from this machine

	mu     sync.Mutex
	minute time.Time
	logged int
}

func (l *limits) prepare(rate int, local bool) {
	if rate == 0 {
		rate = defaultRate
	}
	l.clients.Rate, l.clients.Burst, l.local = float64(rate), float64(rate)*burstFactor, local
}

// admit meters requests by the client's network.
func (l *limits) admit(client netip.Addr) bool {
	return l.local && client.IsLoopback() || l.clients.Take(client, 1)
}

// refused logs a sample of the names that the open internet asks for in vain.
func (l *limits) refused(log *slog.Logger, name string) {
	l.mu.Lock()
	if now := time.Now(); now.Sub(l.minute) > time.Minute {
		l.minute, l.logged = now, 0
	}
	l.logged++
	over := l.logged > loggedMost
	l.mu.Unlock()
	if !over {
		log.Info("refused a handshake", "name", clip(name, 253))
	}
}

func clip(s string, most int) string {
	if len(s) > most {
		return s[:most]
	}
	return s
}

// patient is a listener whose connections do not wait for ever for a client that takes nothing, and of which there are not too many.
type patient struct {
	net.Listener
	open atomic.Int64
}

func (p *patient) Accept() (net.Conn, error) {
	for {
		c, err := p.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if p.open.Add(1) > socketsMost {
			p.open.Add(-1)
			_ = c.Close()
			continue
		}
		return &patientConn{Conn: c, left: sync.OnceFunc(func() { p.open.Add(-1) })}, nil
	}
}

type patientConn struct {
	net.Conn
	left func()
}

// Write gives the client a minute to take some of it.
func (c *patientConn) Write(b []byte) (int, error) {
	if err := c.Conn.SetWriteDeadline(time.Now().Add(stallTime)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

func (c *patientConn) Close() error {
	c.left()
	return c.Conn.Close()
}
