package app

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nameplate-dev/nameplate/internal/spine/vault"
)

// window is how long a nonce is asked for; the one before it counts too.
const window = 10 * time.Minute

// nonces are what our probes ask for and our edges answer: an HMAC of host and ten-minute window under a shared signing key. Nothing is stored, and
// every edge knows them, also while the database is away.
type nonces struct {
	ring ring
	now  func() time.Time
	keys atomic.Pointer[[]*vault.SigningKey]
}

// ring has the signing keys whose signatures count, the newest first: the vault, or what an edge took along of it.
type ring interface {
	Verifiers(ctx context.Context, p vault.Purpose) ([]*vault.SigningKey, error)
}

func newNonces(ctx context.Context, from ring, now func() time.Time) (*nonces, error) {
	n := &nonces{ring: from, now: now}
	return n, n.read(ctx)
}

func (n *nonces) read(ctx context.Context) error {
	keys, err := n.ring.Verifiers(ctx, vault.Nonce)
	if err != nil {
		return fmt.Errorf("read the keys of the probe's nonces: %w", err)
	}
	n.keys.Store(&keys)
	return nil
}

// Run reads the keys again from time to time; without the database the present ones stay.
func (n *nonces) Run(ctx context.Context) error {
	t := time.NewTicker(time.Minute)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			_ = n.read(ctx)
		}
	}
}

// Of answers what an edge may answer for host, the newest first.
func (n *nonces) Of(host string) []string {
	var out []string
	for back := range 2 {
		at := n.now().Add(-time.Duration(back) * window).Truncate(window).Unix()
		for _, k := range *n.keys.Load() {
			out = append(out, hex.EncodeToString(k.MAC("nonce", host, strconv.FormatInt(at, 10))[:16]))
		}
	}
	return out
}

// Valid says whether nonce is one of ours for host; the next window counts too, because clocks differ.
func (n *nonces) Valid(host, nonce string) bool {
	ok := 0
	for _, want := range n.Of(host) {
		ok |= subtle.ConstantTimeCompare([]byte(want), []byte(nonce))
	}
	next := n.now().Add(window).Truncate(window).Unix()
	for _, k := range *n.keys.Load() {
		ok |= subtle.ConstantTimeCompare([]byte(hex.EncodeToString(k.MAC("nonce", host, strconv.FormatInt(next, 10))[:16])), []byte(nonce))
	}
	return ok == 1
}
