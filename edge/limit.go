package edge

import (
	"log/slog"
	"net/netip"
	"sync"
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
	return l.clients.Take(client, 1) || l.local && client.IsLoopback()
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
