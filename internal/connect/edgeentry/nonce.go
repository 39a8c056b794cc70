package edgeentry

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nameplate-dev/nameplate/internal/spine/vault"
)

const (
	window     = 10 * time.Minute
	keyTime    = 2 * time.Second
	retryAfter = 5 * time.Second
	nonceLen   = 32
)

// Nonces are what our probes ask an edge for, to know that it is one. They are computed and never stored: a MAC over the host and a window of ten
// minutes, under a key that probes and edges share (RU-25). The window before still counts.
type Nonces struct {
	Keys func(context.Context) ([]*vault.SigningKey, error) // the newest first; vault.Verifiers of vault.Nonce
	Now  func() time.Time                                   // nil: time.Now

	mu     sync.Mutex
	last   []*vault.SigningKey
	failed time.Time
}

// Of are the nonces that an edge answers for a host now, the one to ask for first. None: the keys cannot be read, and never could.
func (n *Nonces) Of(host string) []string {
	now := time.Now()
	if n.Now != nil {
		now = n.Now()
	}
	var out []string
	for _, key := range n.keys() {
		for _, at := range []time.Time{now, now.Add(-window)} {
			mac := key.MAC("edge nonce", strings.ToLower(host), strconv.FormatInt(at.Unix()/int64(window/time.Second), 10))
			out = append(out, base64.RawURLEncoding.EncodeToString(mac)[:nonceLen])
		}
	}
	return out
}

// Valid says whether a nonce is one of the host's.
func (n *Nonces) Valid(host, nonce string) bool {
	return len(nonce) == nonceLen && slices.Contains(n.Of(host), nonce)
}

// keys are those that were read last when they cannot be read now: edges answer without the database, and do not wait for it each time.
func (n *Nonces) keys() []*vault.SigningKey {
	n.mu.Lock()
	defer n.mu.Unlock()
	if time.Since(n.failed) < retryAfter {
		return n.last
	}
	ctx, cancel := context.WithTimeout(context.Background(), keyTime)
	defer cancel()
	if keys, err := n.Keys(ctx); err == nil {
		n.last = keys
	} else {
		n.failed = time.Now()
	}
	return n.last
}
