package edgedns

import (
	"net"
	"net/netip"
	"sync"

	"github.com/nameplate-dev/nameplate/edge/bucket"
)

// Open TCP connections, in all and from one network.
const (
	maxConns    = 2000
	maxConnsNet = 64
)

// thrift is a listener that hangs up at once on connections beyond its limits, so that a client which opens many and says nothing takes its own
// network's share and nobody else's.
type thrift struct {
	net.Listener
	mu   sync.Mutex
	all  int
	nets map[netip.Prefix]int
}

func (t *thrift) Accept() (net.Conn, error) {
	for {
		c, err := t.Listener.Accept()
		if err != nil {
			return nil, err
		}
		network := bucket.Network(addrPort(c.RemoteAddr()).Addr())
		if t.enter(network) {
			return &thriftConn{Conn: c, leave: sync.OnceFunc(func() { t.leave(network) })}, nil
		}
		_ = c.Close()
	}
}

func (t *thrift) enter(network netip.Prefix) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all >= maxConns || t.nets[network] >= maxConnsNet {
		return false
	}
	if t.nets == nil {
		t.nets = map[netip.Prefix]int{}
	}
	t.all++
	t.nets[network]++
	return true
}

func (t *thrift) leave(network netip.Prefix) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all--
	if t.nets[network]--; t.nets[network] == 0 {
		delete(t.nets, network)
	}
}

type thriftConn struct {
	net.Conn
	leave func()
}

func (c *thriftConn) Close() error {
	c.leave()
	return c.Conn.Close()
}
