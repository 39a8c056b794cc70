package vault_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
)

func local(t *testing.T, purpose string, current vault.KEK, former ...vault.KEK) *vault.Local {
	t.Helper()
	l, err := vault.NewLocal(purpose, current, former...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLocal_OpensInItsPlaceUnderItsKeyAlone(t *testing.T) {
	t.Parallel()
	first, second := vault.GenerateKEK("k1"), vault.GenerateKEK("k2")
	l := local(t, "edge", first)
	sealed := l.Seal([]byte("here"), []byte("plain text"))
	if bytes.Contains(sealed, []byte("plain")) || bytes.Equal(sealed, l.Seal([]byte("here"), []byte("plain text"))) {
		t.Fatalf("sealed %q", sealed)
	}
	turned := bytes.Clone(sealed)
	turned[len(turned)-1] ^= 1
	for name, c := range map[string]struct {
		by     *vault.Local
		place  string
		sealed []byte
		opens  bool
	}{
		"Itself": {l, "here", sealed, true}, "AfterARestart": {local(t, "edge", first), "here", sealed, true}, "AfterANewKey": {local(t, "edge", second, first), "here", sealed, true},
		"OtherPlace": {l, "there", sealed, false}, "OtherPurpose": {local(t, "else", first), "here", sealed, false}, "OtherKey": {local(t, "edge", second), "here", sealed, false},
		"OtherKeyOfThatName": {local(t, "edge", vault.GenerateKEK("k1")), "here", sealed, false}, "ChangedByte": {l, "here", turned, false},
		"Nothing": {l, "here", nil, false}, "OneByte": {l, "here", sealed[:1], false}, "HeadAlone": {l, "here", sealed[:4], false}, "Short": {l, "here", sealed[:10], false}, "LyingLength": {l, "here", []byte{1, 255, 'k'}, false},
	} {
		plain, err := c.by.Open([]byte(c.place), c.sealed)
		if c.opens != (err == nil) || c.opens && string(plain) != "plain text" || err != nil && !errors.Is(err, vault.ErrSealed) {
			t.Errorf("%s: %q, %v", name, plain, err)
		}
	}
	if turnedKey := local(t, "edge", second, first); !l.Fresh(sealed) || turnedKey.Fresh(sealed) || l.Fresh(nil) {
		t.Error("what is under the current key is not told from what is not")
	}
	if a, b := l.Name("shop.example.com"), local(t, "edge", first).Name("shop.example.com"); !bytes.Equal(a, b) || bytes.Equal(a, l.Name("shop.example.org")) || bytes.Equal(a, local(t, "edge", second).Name("shop.example.com")) {
		t.Error("names are not those of the key and the text")
	}
}

func TestSigningKey_PacksAndUnpacks(t *testing.T) {
	t.Parallel()
	d, kek := dbtest.New(t), vault.GenerateKEK("k1")
	key, err := vault.New(d, kek).Signer(t.Context(), vault.Nonce)
	if err != nil {
		t.Fatal(err)
	}
	again, err := vault.UnpackKey(key.Pack())
	if err != nil || again.ID != key.ID || !again.CreatedAt.Equal(key.CreatedAt) || !bytes.Equal(again.MAC("a", "b"), key.MAC("a", "b")) {
		t.Fatalf("%+v is not %+v: %v", again, key, err)
	}
	for _, n := range []int{0, 1, 55, 57} {
		if _, err := vault.UnpackKey(make([]byte, n)); err == nil {
			t.Errorf("%d octets are a key", n)
		}
	}
}
