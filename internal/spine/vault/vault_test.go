package vault_test

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
)

func TestAValueOpensForItsPlaceAlone(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	v := vault.New(d, vault.GenerateKEK("k1"))
	org, other := ident.New[ident.OrgID](time.Now()), ident.New[ident.OrgID](time.Now())
	sealed, err := v.Seal(t.Context(), d, org, "t.c", "r1", []byte("plain text"))
	if err != nil || bytes.Contains(sealed, []byte("plain")) {
		t.Fatalf("sealed %q: %v", sealed, err)
	}
	if got, err := v.Open(t.Context(), d, org, "t.c", "r1", sealed); err != nil || string(got) != "plain text" {
		t.Fatalf("opened %q: %v", got, err)
	}
	turned := bytes.Clone(sealed)
	turned[len(turned)-1] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"OtherOrganization": func() ([]byte, error) { return v.Open(t.Context(), d, other, "t.c", "r1", sealed) },
		"OtherColumn":       func() ([]byte, error) { return v.Open(t.Context(), d, org, "t.d", "r1", sealed) },
		"OtherRow":          func() ([]byte, error) { return v.Open(t.Context(), d, org, "t.c", "r2", sealed) },
		"Platform":          func() ([]byte, error) { return v.Open(t.Context(), d, ident.OrgID{}, "t.c", "r1", sealed) },
		"ChangedByte":       func() ([]byte, error) { return v.Open(t.Context(), d, org, "t.c", "r1", turned) },
		"Short":             func() ([]byte, error) { return v.Open(t.Context(), d, org, "t.c", "r1", sealed[:20]) },
		"Nothing":           func() ([]byte, error) { return v.Open(t.Context(), d, org, "t.c", "r1", nil) },
		"UnknownKey": func() ([]byte, error) {
			return v.Open(t.Context(), d, org, "t.c", "r1", append([]byte{1}, make([]byte, 60)...))
		},
	} {
		if _, err := open(); !errors.Is(err, vault.ErrSealed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRotationWrapsTheKeysAgainAndTouchesNoValue(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	old, next := vault.GenerateKEK("k1"), vault.GenerateKEK("k2")
	org := ident.New[ident.OrgID](time.Now())
	sealed, err := vault.New(d, old).Seal(t.Context(), d, org, "t.c", "r", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := vault.New(d, next, old).Rewrap(t.Context()); err != nil || n != 1 {
		t.Fatalf("moved %d keys: %v", n, err)
	}
	if got, err := vault.New(d, next).Open(t.Context(), d, org, "t.c", "r", sealed); err != nil || string(got) != "x" {
		t.Fatalf("the new key alone does not open it: %v", err)
	}
	if _, err := vault.New(d, old).Open(t.Context(), d, org, "t.c", "r", sealed); err == nil {
		t.Fatal("the old key still opens it")
	}
}

func TestSigningKeysAreMadeOnceAndRotatedMonthly(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	kek := vault.GenerateKEK("k1")
	var wg sync.WaitGroup
	ids := make([]string, 6)
	for n := range ids {
		wg.Go(func() {
			k, err := vault.New(d, kek).Signer(t.Context(), vault.WidgetToken)
			if err != nil {
				t.Error(err)
				return
			}
			ids[n] = k.ID.String()
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("several first keys: %v", ids)
		}
	}
	d.SetClock(func() time.Time { return time.Now().Add(31 * 24 * time.Hour) })
	keys, err := vault.New(d, kek).Verifiers(t.Context(), vault.WidgetToken)
	if err != nil || len(keys) != 2 || keys[1].ID.String() != ids[0] || keys[0].ID == keys[1].ID {
		t.Fatalf("after a month: %v %v", keys, err)
	}
}

func TestEveryPurposeHasAKeyOfItsOwn(t *testing.T) {
	t.Parallel()
	v := vault.New(dbtest.New(t), vault.GenerateKEK("k1"))
	seen := map[string]vault.Purpose{}
	for _, p := range []vault.Purpose{vault.WidgetToken, vault.Nonce, vault.CSRF, vault.Session, vault.TLSTicket} {
		k, err := v.Signer(t.Context(), p)
		if err != nil {
			t.Fatalf("%s: %v", p, err)
		}
		mac := string(k.MAC("the same"))
		if other, twice := seen[mac]; twice || len(mac) != 32 || (k.Public != nil) != (p == vault.WidgetToken) || k.CreatedAt.IsZero() {
			t.Errorf("%s: %d bytes, also of %q", p, len(mac), other)
		}
		seen[mac] = p
	}
}

func TestKEKText(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "k1", "k1:", "k1:AAAA", ":AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "k1:!!!"} {
		if _, err := vault.ParseKEK(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	path := "file:" + t.TempDir() + "/sub/kek"
	a, err := vault.LoadKEK(path, true)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := vault.LoadKEK(path, false); err != nil || a != b {
		t.Fatalf("the generated key is not read back: %v", err)
	}
}
