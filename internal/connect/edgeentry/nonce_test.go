package edgeentry

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
)

func TestNonces_AreBoundToHostAndTimeAndOutliveTheDatabase(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	now := time.Unix(1_800_000_000, 0)
	var down error
	v := vault.New(d, vault.GenerateKEK("one"))
	keys := func(ctx context.Context) ([]*vault.SigningKey, error) {
		if down != nil {
			return nil, down
		}
		return v.Verifiers(ctx, vault.Nonce)
	}
	clock := func() time.Time { return now }
	a, b := &Nonces{Keys: keys, Now: clock}, &Nonces{Keys: keys, Now: clock}
	nonce := b.Of("Shop.acme.lab")[0]
	if !a.Valid("shop.acme.lab", nonce) || a.Valid("other.acme.lab", nonce) || a.Valid("shop.acme.lab", "") || a.Valid("shop.acme.lab", nonce[1:]) {
		t.Error("a nonce is the host's and nobody else's")
	}
	down = errors.New("away")
	if !a.Valid("shop.acme.lab", nonce) {
		t.Error("without the database the edge forgot its keys")
	}
	now = now.Add(10 * time.Minute)
	if !a.Valid("shop.acme.lab", nonce) || a.Of("shop.acme.lab")[0] == nonce {
		t.Error("the window before does not count, or is the current one")
	}
	now = now.Add(10 * time.Minute)
	if a.Valid("shop.acme.lab", nonce) {
		t.Error("an old nonce is valid")
	}
}
