package peer

import (
	"sync"

	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// How many sockets and event streams one credential may hold at the same time in one process.
const (
	socketsOfWidget = 5
	socketsOfOthers = 20
)

// census counts the open sockets and streams of each session, key and widget token.
type census struct {
	mu   sync.Mutex
	open map[string]int
}

// enter counts one more of the caller, and answers how to take it away again; false when there is no room.
func (c *census) enter(caller authz.Principal) (leave func(), room bool) {
	who, most := caller.Actor()+" "+caller.SessionID.String(), socketsOfOthers
	if caller.Kind == authz.WIDGET {
		most = socketsOfWidget
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = map[string]int{}
	}
	if c.open[who] >= most {
		return nil, false
	}
	c.open[who]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.open[who]--; c.open[who] == 0 {
			delete(c.open, who)
		}
	}, true
}
