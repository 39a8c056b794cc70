package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/platform/credential"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// callers is how many ask at one time on the one core: who waits for PostgreSQL leaves it to the others.
const callers = 8

// check is one way to ask, and whether the answer is somebody.
type check struct {
	what string
	ask  func(ctx context.Context, n int64) error
	none bool // UNAUTHENTICATED is the right answer
}

func (c check) run(ctx context.Context, n int64) error {
	err := c.ask(ctx, n)
	if c.none {
		if !fault.Is(err, fault.Unauthenticated) {
			return fmt.Errorf("%s: answered %v", c.what, err)
		}
		return nil
	}
	return err
}

func checks(ctx context.Context, title string, o options, all []check) error {
	fmt.Printf("%s, one core, %d callers\n", title, callers)
	return onOneCore(func() error {
		for _, c := range all {
			if _, err := measure(ctx, callers, o.each/5, false, c.run); err != nil {
				return err
			}
			f, err := measure(ctx, callers, o.each, false, c.run)
			if err != nil {
				return err
			}
			row(c.what, f)
		}
		return nil
	})
}

// keys measures checks of API keys.
func keys(ctx context.Context, h *house, o options) error {
	const many = 1000
	made := make([]secret.String, many)
	for n := range made {
		k, err := h.Keys.Create(h.as(ctx), apikey.CreateApiKeyInput{Description: "bench", OrganizationID: &h.org, Scopes: []string{"connection.read"}})
		if err != nil {
			return err
		}
		made[n] = k.Secret
	}
	dead, err := h.Keys.Create(h.as(ctx), apikey.CreateApiKeyInput{Description: "dead", OrganizationID: &h.org})
	if err != nil {
		return err
	}
	if err := h.Keys.Delete(h.as(ctx), dead.ApiKey.ID); err != nil {
		return err
	}
	unknown := make([]secret.String, many)
	for n := range unknown {
		unknown[n] = apikey.Mint("npk_").Full
	}
	right := made[0].Reveal()
	mistyped := secret.New(right[:len(right)-1] + "~")
	from := authz.With(ctx, authz.Principal{Kind: authz.PUBLIC, Network: "192.0.2.1"})
	ask := func(s *apikey.Service, key secret.String) error {
		_, err := s.Authenticate(from, key, "192.0.2.1")
		return err
	}
	for _, k := range made { // the first use from a network is put on record, once
		if err := ask(h.Keys, k); err != nil {
			return err
		}
	}
	anew := func() *apikey.Service { return &apikey.Service{DB: h.DB, Door: h.Door, Authz: h.Authz} } // remembers nothing
	return checks(ctx, "API keys", o, []check{
		{"one key, remembered for a second", func(context.Context, int64) error { return ask(h.Keys, made[0]) }, false},
		{"1,000 keys in turn, remembered for a second", func(_ context.Context, n int64) error { return ask(h.Keys, made[n%many]) }, false},
		{"1,000 keys in turn, each asked of the database", func(_ context.Context, n int64) error { return ask(anew(), made[n%many]) }, false},
		{"mistyped: the checksum says so", func(context.Context, int64) error { return ask(h.Keys, mistyped) }, true},
		{"unknown, with a right checksum", func(_ context.Context, n int64) error { return ask(h.Keys, unknown[n%many]) }, true},
		{"deleted", func(context.Context, int64) error { return ask(h.Keys, dead.Secret) }, true},
	})
}

// sessions measures look-ups of cookies and of programs' tokens.
func sessions(ctx context.Context, h *house, o options) error {
	from := authz.With(ctx, authz.Principal{Kind: authz.PUBLIC, Network: "192.0.2.9", RequestID: "bench"})
	in, err := h.Credentials.SignIn(from, owner, secret.New(password))
	if err != nil {
		return err
	}
	made, err := h.Credentials.AuthenticatePassword(from, credential.AuthenticatePasswordInput{Username: owner, Password: secret.New(password), Client: new("bench")})
	if err != nil {
		return err
	}
	tokens, cookie := made.(*credential.TokensIssued).Tokens, in.Cookie.Reveal()
	anew := func() *session.Service {
		return &session.Service{DB: h.DB, Door: h.Door, Authz: h.Authz, Vault: h.Vault}
	} // remembers nothing
	resolve := func(s *session.Service, value string) error {
		found, err := s.Resolve(from, value)
		if err == nil && found == nil {
			err = fault.Unauthorized("", "nobody")
		}
		return err
	}
	speak := func(s *session.Service, token secret.String) error {
		p, err := s.Authenticate(from, token)
		if err == nil && p.UserID != h.owner {
			err = errors.New("somebody else")
		}
		return err
	}
	return checks(ctx, "Sessions", o, []check{
		{"a cookie, remembered for a second", func(context.Context, int64) error { return resolve(h.Sessions, cookie) }, false},
		{"a cookie, asked of the database", func(context.Context, int64) error { return resolve(anew(), cookie) }, false},
		{"a cookie with a wrong secret", func(context.Context, int64) error { return resolve(h.Sessions, cookie[:len(cookie)-4]+"AAAA") }, true},
		{"what is no cookie of ours", func(context.Context, int64) error { return resolve(h.Sessions, "x."+cookie) }, true},
		{"a program's access token, remembered for a second", func(context.Context, int64) error { return speak(h.Sessions, tokens.Access) }, false},
		{"a program's access token, asked of the database", func(context.Context, int64) error { return speak(anew(), tokens.Access) }, false},
		{"an unknown access token", func(context.Context, int64) error { return speak(h.Sessions, secret.Random("npa_")) }, true},
	})
}
