package app

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/nameplate-dev/nameplate/internal/spine/vault"
)

// day is how long a key of session tickets encrypts; it decrypts for another.
const day = 24 * time.Hour

// derived are keys that every node computes for itself from shared signing keys.
type derived struct {
	ring ring
	now  func() time.Time
}

// tickets are the keys of TLS session tickets, the current one first and then the former: an HMAC of the day under a shared signing key. Nothing is
// stored, and a session that one edge began goes on at every other (RFC 8446, section 4.6.1). Whoever looks at another instant than the rest, or at
// another signing key, costs a visitor a full handshake and no more.
func (d derived) tickets(ctx context.Context) ([][32]byte, error) {
	keys, err := d.ring.Verifiers(ctx, vault.TLSTicket)
	if err != nil {
		return nil, fmt.Errorf("read the keys of session tickets: %w", err)
	}
	today := d.now().Truncate(day)
	key := func(of *vault.SigningKey, at time.Time) [32]byte {
		return [32]byte(of.MAC("ticket", strconv.FormatInt(at.Unix(), 10)))
	}
	former := key(keys[0], today.Add(-day))
	if len(keys) > 1 && keys[0].CreatedAt.After(today) {
		former = key(keys[1], today) // what encrypted this morning
	}
	return [][32]byte{key(keys[0], today), former}, nil
}
