package lab_test

import (
	"context"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/lab"
)

func TestTwentyWorldsAtOnce(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	worlds := make([]*lab.World, 20)
	for i := range worlds {
		wg.Go(func() {
			w, err := lab.New(t.Context(), lab.Config{FreePorts: true})
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(w.Close)
			worlds[i] = w
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	for i, w := range worlds {
		w.Zone("acme.lab").Set("me", "A", netip.AddrFrom4([4]byte{127, 1, 1, byte(i + 1)}).String())
	}
	for i, w := range worlds {
		want := "me.acme.lab. A " + netip.AddrFrom4([4]byte{127, 1, 1, byte(i + 1)}).String()
		if got := short(ask(t, w.Addresses.Recursors[0], "me.acme.lab", "A").Answer); got != want {
			t.Errorf("world %d answers %q, want %q", i, got, want)
		}
	}
}

func TestEverythingIsOnLoopback(t *testing.T) {
	t.Parallel()
	w := lab.Start(t, func(c *lab.Config) { c.Net = 54 })
	if len(w.Addresses.Bound) < 20 {
		t.Errorf("only %v", w.Addresses.Bound)
	}
	for _, at := range w.Addresses.Bound {
		if a, err := netip.ParseAddrPort(at); err != nil || !a.Addr().IsLoopback() {
			t.Errorf("%s is not on loopback", at)
		}
	}
	if !strings.HasPrefix(w.Addresses.Root.String(), "127.54.0.1:") {
		t.Errorf("the root is at %s", w.Addresses.Root)
	}
	if _, err := lab.New(t.Context(), lab.Config{Net: 300, FreePorts: true}); err == nil {
		t.Error("a net beyond an octet was taken")
	}
}

func TestATakenDNSPortGivesWay(t *testing.T) {
	t.Parallel()
	first := lab.Start(t)
	second := lab.Start(t, func(c *lab.Config) { c.DNSPort = first.Addresses.DNSPort })
	if first.Addresses.DNSPort == second.Addresses.DNSPort {
		t.Error("both have the same port")
	}
}

// Not parallel: it counts the goroutines of the process.
func TestCloseEndsEverything(t *testing.T) {
	world := func() string {
		buf := make([]byte, 8<<20)
		var own []string
		for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			// Pebble's loop for validations never ends.
			if strings.Contains(g, "/lab/") && strings.Contains(g, "created by") && !strings.Contains(g, "processTasks") && !strings.Contains(g, "lab_test.") {
				own = append(own, g)
			}
		}
		return strings.Join(own, "\n\n")
	}
	w, err := lab.New(context.Background(), lab.Config{FreePorts: true})
	if err != nil {
		t.Fatal(err)
	}
	ask(t, w.Addresses.CAResolver, "acme.lab", "A", tcp)
	send(t, "GET", w.Addresses.Page, "")
	w.Close()
	w.Close()
	deadline := time.Now().Add(3 * time.Second)
	for world() != "" {
		if time.Now().After(deadline) {
			t.Fatalf("still there:\n%s", world())
		}
		runtime.Gosched()
	}
	again, err := lab.New(context.Background(), lab.Config{DNSPort: w.Addresses.DNSPort, FreePorts: true})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.Addresses.DNSPort != w.Addresses.DNSPort {
		t.Errorf("port %d was not given back", w.Addresses.DNSPort)
	}
}
