package bucket

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

func TestTake_BurstThenRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &Table{Rate: 2, Burst: 3}
		addr := netip.MustParseAddr("198.51.100.7")
		for n := range 3 {
			if !b.Take(addr, 1) {
				t.Fatalf("take %d of the burst was refused", n)
			}
		}
		if b.Take(netip.MustParseAddr("198.51.100.200"), 1) {
			t.Error("a neighbour in the same /24 has a bucket of its own")
		}
		if !b.Take(netip.MustParseAddr("198.51.101.7"), 1) {
			t.Error("another network pays for this one")
		}
		time.Sleep(time.Second)
		if !b.Take(addr, 2) || b.Take(addr, 1) {
			t.Error("a second does not refill exactly two tokens")
		}
	})
}

func TestTake_NoRateMeansNoLimit(t *testing.T) {
	t.Parallel()
	b := &Table{}
	for range 1000 {
		if !b.Take(netip.MustParseAddr("127.0.0.1"), 1) {
			t.Fatal("refused")
		}
	}
}

func TestTake_MemoryIsBounded(t *testing.T) {
	t.Parallel()
	b := &Table{Rate: 1, Burst: 1, Max: 100}
	for n := range 10_000 {
		b.Take(netip.AddrFrom4([4]byte{10, byte(n >> 8), byte(n), 1}), 1)
	}
	if len(b.nets) != 100 {
		t.Errorf("%d networks are remembered", len(b.nets))
	}
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"198.51.100.7": "198.51.100.0/24", "::ffff:198.51.100.7": "198.51.100.0/24",
		"2001:db8:1:2:3::4": "2001:db8:1::/56", "fe80::1%lo": "fe80::/56",
	} {
		if got := Network(netip.MustParseAddr(addr)); got.String() != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
	if Network(netip.Addr{}).IsValid() {
		t.Error("no address has a network")
	}
}
