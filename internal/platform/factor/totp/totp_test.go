package totp_test

import (
	"encoding/base32"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/platform/factor/totp"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

func TestSecret_Has160RandomBits(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		s := totp.Secret()
		raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(s)
		if err != nil || len(raw) != 20 || seen[s] {
			t.Fatalf("%q: %d bytes, %v, seen before: %v", s, len(raw), err, seen[s])
		}
		seen[s] = true
	}
}

// TestCheck_ByTheServersClock: a code counts in its step of thirty seconds and the ones beside it, by the moment that the caller of Check names, and once.
func TestCheck_ByTheServersClock(t *testing.T) {
	t.Parallel()
	plain, now := totp.Secret(), time.Unix(1_800_000_000, 0)
	at := func(step int64) string {
		c, err := hotp.GenerateCodeCustom(plain, uint64(now.Unix()/30+step), hotp.ValidateOpts{Digits: otp.DigitsSix})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for step, want := range map[int64]bool{-3: false, -2: false, -1: true, 0: true, 1: true, 2: false, 3: false} {
		if _, ok := totp.Check(plain, at(step), now, 0); ok != want {
			t.Errorf("the code of %d steps away counts: %v", step, ok)
		}
	}
	step, ok := totp.Check(plain, at(0), now, 0)
	if !ok || step != now.Unix()/30 {
		t.Fatalf("step %d", step)
	}
	for _, code := range []string{at(0), at(-1)} { // it, and what is older
		if _, ok := totp.Check(plain, code, now, step); ok {
			t.Error("a step counts twice")
		}
	}
	for _, code := range []string{"", "000000000000", "abcdef", at(0)[:5], at(0) + "0", "\x00", "१२३४५६"} {
		if _, ok := totp.Check(plain, code, now, 0); ok {
			t.Errorf("%q counts", code)
		}
	}
}
