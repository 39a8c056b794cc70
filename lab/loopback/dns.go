package loopback

import (
	"context"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// ServeDNS answers on both sockets until stop is called. Both have started when it returns.
func ServeDNS(s Sockets, h dns.Handler) (stop func()) {
	var wg sync.WaitGroup
	servers := []*dns.Server{
		{PacketConn: s.UDP, Handler: h, UDPSize: dns.DefaultMsgSize},
		{Listener: s.TCP, Handler: h, MaxTCPQueries: -1},
	}
	for _, srv := range servers {
		started := make(chan struct{})
		srv.NotifyStartedFunc = sync.OnceFunc(func() { close(started) })
		srv.IdleTimeout = func() time.Duration { return 10 * time.Second }
		wg.Go(func() { _ = srv.ActivateAndServe() })
		<-started
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		for _, srv := range servers {
			wg.Go(func() { _ = srv.ShutdownContext(ctx) })
		}
		wg.Wait()
	}
}
