package credential_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/platform/credential"
)

func TestHash_IsTheKnownTextOfArgon2id(t *testing.T) {
	t.Parallel()
	one, err := credential.Hash(t.Context(), "password")
	if err != nil {
		t.Fatal(err)
	}
	two, _ := credential.Hash(t.Context(), "password")
	if !strings.HasPrefix(one, "$argon2id$v=19$m=47104,t=1,p=1$") || one == two {
		t.Errorf("%s and %s", one, two)
	}
	for _, p := range []string{"Password", "password ", "", "password\x00"} {
		if ok, err := credential.Verify(t.Context(), one, p); ok || err != nil {
			t.Errorf("%q opens it, %v", p, err)
		}
	}
	// A vector of the reference implementation's src/test.c.
	if ok, err := credential.Verify(t.Context(), "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"); !ok || err != nil {
		t.Errorf("a hash of other software: %v, %v", ok, err)
	}
}

func TestVerify_HostileTextNeverMatchesAndNeverPanics(t *testing.T) {
	t.Parallel()
	const salt, sum = "c29tZXNhbHQ", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for _, phc := range []string{
		"", "$", "$$$$$", "$argon2id$$$$", "plain", "$2a$10$abcdefghijklmnopqrstuv", "$argon2i$v=19$m=8,t=1,p=1$" + salt + "$" + sum, "$argon2id$v=16$m=8,t=1,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=8,t=0,p=1$" + salt + "$" + sum, "$argon2id$v=19$m=8,t=1,p=0$" + salt + "$" + sum, "$argon2id$v=19$m=0,t=1,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=4294967295,t=1,p=1$" + salt + "$" + sum, "$argon2id$v=19$m=8,t=4294967295,p=1$" + salt + "$" + sum, "$argon2id$v=19$m=8,t=1,p=256$" + salt + "$" + sum,
		"$argon2id$v=19$m=-8,t=1,p=1$" + salt + "$" + sum, "$argon2id$v=19$t=1,m=8,p=1$" + salt + "$" + sum, "$argon2id$v=19$m=8,t=1,p=1,x=2$" + salt + "$" + sum,
		"$argon2id$v=19$m=8,t=1,p=1$$" + sum, "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$", "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$AAAA", "$argon2id$v=19$m=8,t=1,p=1$!$" + sum,
		"$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + strings.Repeat("A", 1<<16), "x$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + sum, "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + sum + "$",
	} {
		if ok, err := credential.Verify(t.Context(), phc, "password"); ok || err != nil {
			t.Errorf("%q: %v, %v", phc, ok, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("$argon2id$v=19$m=47104,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=8,t=0,p=1$$")
	f.Fuzz(func(t *testing.T, phc string) { credential.Parse(phc) })
}

// Not parallel: it takes every place of the process.
func TestStretch_WhoCannotWaitLeaves(t *testing.T) {
	leave := credential.Fill()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := credential.Stretch(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	leave()
	if err := credential.Stretch(t.Context()); err != nil {
		t.Error(err)
	}
}
