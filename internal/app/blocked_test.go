package app

import (
	"context"
	"fmt"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// TestPwd1b_ThePersonReadsOfTheGuesses: whoever guesses waits alone, and the person reads of it with the next sign-in, at most once an hour.
func TestPwd1b_ThePersonReadsOfTheGuesses(t *testing.T) {
	t.Parallel()
	h := openSSO(t)
	from := func(n int) context.Context {
		return authz.With(t.Context(), authz.Principal{Kind: authz.PUBLIC, Network: fmt.Sprintf("198.51.100.%d", n), RequestID: "test"})
	}
	for range 5 {
		if _, err := h.Credentials.SignIn(from(7), "owner@acme.example", secret.New("wrong horse battery")); reasonOf(err) != "UNAUTHENTICATED credentials" {
			t.Fatal(err)
		}
	}
	for n := range 3 {
		if _, err := h.Credentials.SignIn(from(20+n), "owner@acme.example", secret.New(ssoPassword)); err != nil {
			t.Fatal(err)
		}
	}
	if n := h.count(t, "outbound_message where template = 'sign_in_blocked' and recipient = 'owner@acme.example'"); n != 1 && n != 2 { // 2 where an hour began meanwhile
		t.Errorf("%d mails about the guesses", n)
	}
}
