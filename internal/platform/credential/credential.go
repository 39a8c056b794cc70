// Package credential is the password: how a person signs in, and proves again who they are (step-up).
//
// Known and unknown names take the same path and the same time, and get the same answer. Wrong passwords make the same network wait longer and
// longer for the same name; nobody can lock somebody else out from elsewhere.
package credential

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/credentialq"
)

var (
	perName    = limit.Bucket{Name: "login", Rate: 10, Per: 5 * time.Minute, Closed: true}
	perNetwork = limit.Bucket{Name: "login-network", Rate: 100, Per: 5 * time.Minute, Closed: true}
)

// free is how many wrong tries cost nothing; then each waits twice as long as the one before, up to ten minutes.
const free = 4

// Service checks passwords.
type Service struct {
	DB       *db.DB
	Door     *door.Door
	Vault    *vault.Vault
	Limit    *limit.Limiter
	Sessions *session.Service
	Factors  *factor.Service
	// Home answers the organization in which a person's browser begins.
	Home func(ctx context.Context, user ident.UserID) (*ident.OrgID, error)
	// Unconfirmed mails a new link for a registration that waits.
	Unconfirmed func(ctx context.Context, e *door.Effect, email string) error
	// Blocked mails the person that so many wrong passwords came before the right one; nil: nobody is told.
	Blocked func(ctx context.Context, e *door.Effect, user ident.UserID, failures int) error
	// Changed mails the person that the password is another one.
	Changed func(ctx context.Context, e *door.Effect, user ident.UserID) error

	q     credentialq.Queries
	once  sync.Once
	dummy string
}

// Hash is what is stored of a password: its argon2id, as a PHC text. At most four are computed at one time.
func (s *Service) Hash(ctx context.Context, password secret.String) (string, error) {
	return hash(ctx, password.Reveal())
}

// Matches says whether a hash is that of a text, in constant time.
func (s *Service) Matches(ctx context.Context, phc string, plain secret.String) (bool, error) {
	return verify(ctx, phc, plain.Reveal())
}

// SetTx stores a password by its hash.
func (s *Service) SetTx(ctx context.Context, tx *db.Tx, user ident.UserID, phc string) error {
	if err := s.q.SetPassword(ctx, tx, credentialq.SetPasswordParams{UserID: user.UUID(), Phc: phc, SetAt: tx.Now}); err != nil {
		return fmt.Errorf("keep the password: %w", err)
	}
	return nil
}

// SignIn is Authenticate for a browser.
func (s *Service) SignIn(ctx context.Context, username string, password secret.String) (*factor.Next, error) {
	return s.Authenticate(ctx, username, password, factor.Browser, "")
}

// Authenticate checks name and password and starts a session, or asks for the second factor. Every refusal is the same UNAUTHENTICATED, or RATE_LIMITED with
// the seconds to wait. client is what a program calls itself.
func (s *Service) Authenticate(ctx context.Context, username string, password secret.String, form factor.Form, client string) (*factor.Next, error) {
	caller := authz.From(ctx)
	username = strings.ToLower(strings.TrimSpace(username))
	if username == "" || len(username) > 254 || !utf8.ValidString(username) || strings.ContainsRune(username, 0) || password.IsZero() || len(password.Reveal()) > maxPassword {
		return nil, wrong() // nobody's name, and nothing that a database takes
	}
	if err := s.Limit.Allow(ctx, perNetwork, caller.Network); err != nil {
		return nil, err
	}
	if err := s.Limit.Allow(ctx, perName, caller.Network+" "+username); err != nil {
		return nil, err
	}
	name, err := s.nameHash(ctx, username)
	if err != nil {
		return nil, err
	}
	if err := s.blocked(ctx, name, network(caller.Network)); err != nil {
		return nil, err
	}
	row, err := s.q.PasswordOfEmail(ctx, s.DB, credentialq.PasswordOfEmailParams{Email: username, Now: s.DB.Now()})
	known := err == nil
	if err != nil && !db.NotFound(err) {
		return nil, fmt.Errorf("find the account: %w", err)
	}
	phc := s.nobody(ctx)
	if known {
		phc = row.Phc
	}
	right, err := verify(ctx, phc, password.Reveal())
	if err != nil {
		return nil, err
	}
	switch {
	case !known || !right:
		return nil, s.refuse(ctx, name, caller)
	case row.Waits:
		return nil, s.unconfirmed(ctx, username)
	case row.Access != "ENABLED":
		return nil, s.suspended(ctx, ident.From[ident.UserID](row.UserID))
	}
	newer := ""
	if dated(row.Phc) {
		if newer, err = hash(ctx, password.Reveal()); err != nil {
			return nil, err
		}
	}
	f := factor.First{User: ident.From[ident.UserID](row.UserID), Amr: []string{"pwd"}, Form: form, Client: client}
	if f.Org, err = s.Home(ctx, f.User); err != nil {
		return nil, err
	}
	return s.admit(ctx, f, name, newer)
}

// admit goes on after the right password. newer is its hash at today's cost, when the stored one is dated.
func (s *Service) admit(ctx context.Context, f factor.First, name []byte, newer string) (*factor.Next, error) {
	return door.Do(ctx, s.Door, door.Change[factor.First, *factor.Next]{
		Action: door.Action{Name: "credential.authenticate", Public: true},
		Do: func(ctx context.Context, e *door.Effect, f factor.First) (*factor.Next, error) {
			user := f.User
			before, err := s.q.ForgetFailures(ctx, e.Tx, credentialq.ForgetFailuresParams{AccountHash: name, Network: network(e.Caller.Network)})
			if err != nil {
				return nil, fmt.Errorf("forget the failures: %w", err)
			}
			if newer != "" {
				if err := s.SetTx(ctx, e.Tx, user, newer); err != nil {
					return nil, err
				}
			}
			if err := s.warn(ctx, e, user, name, before); err != nil {
				return nil, err
			}
			next, err := s.Factors.After(ctx, e, f)
			if err != nil {
				return nil, err
			}
			e.Record(event.Change{Action: "credential.authenticated", Subject: user.String(), Version: 1, Stream: "credential:" + user.String(), Chain: user.String(),
				Payload: map[string]any{"v": 1, "failedBefore": before}, Audited: true})
			return next, nil
		},
	}, f)
}

// warn tells the person of many wrong passwords before the right one, wherever they came from. here are those of this network.
func (s *Service) warn(ctx context.Context, e *door.Effect, user ident.UserID, name []byte, here int32) error {
	elsewhere, err := s.q.FailuresElsewhere(ctx, e.Tx, credentialq.FailuresElsewhereParams{AccountHash: name, Now: e.Tx.Now})
	if err != nil {
		return fmt.Errorf("count the failures elsewhere: %w", err)
	}
	if all := here + elsewhere; all > free && s.Blocked != nil {
		return s.Blocked(ctx, e, user, int(all))
	}
	return nil
}

// refuse notes a failure as a fact about the network, on one of sixteen chains, and answers the same for every cause.
func (s *Service) refuse(ctx context.Context, name []byte, caller authz.Principal) error {
	_, err := door.Do(ctx, s.Door, door.Change[struct{}, struct{}]{
		Action: door.Action{Name: "credential.refuse", Public: true},
		Do: func(ctx context.Context, e *door.Effect, _ struct{}) (struct{}, error) {
			net := network(caller.Network)
			n, err := s.q.AddFailure(ctx, e.Tx, credentialq.AddFailureParams{AccountHash: name, Network: net, Now: e.Tx.Now})
			if err != nil {
				return struct{}{}, fmt.Errorf("note the failure: %w", err)
			}
			if n > free {
				wait := min(10*time.Minute, time.Second<<min(n-free, 10))
				if err := s.q.BlockUntil(ctx, e.Tx, credentialq.BlockUntilParams{AccountHash: name, Network: net, Until: e.Tx.Now.Add(wait)}); err != nil {
					return struct{}{}, fmt.Errorf("note the wait: %w", err)
				}
			}
			chain := event.NetworkChain(caller.Network)
			e.Record(event.Change{Action: "credential.refused_invalid", Subject: chain, Version: 1, Chain: chain, Payload: map[string]any{"v": 1}, Audited: true})
			e.Refuse(wrong())
			return struct{}{}, nil
		},
	}, struct{}{})
	return err
}

// unconfirmed tells somebody who knows the password of a registration that it waits, and mails a new link.
func (s *Service) unconfirmed(ctx context.Context, email string) error {
	_, err := door.Do(ctx, s.Door, door.Change[string, struct{}]{
		Action: door.Action{Name: "credential.refuse_unverified", Public: true},
		Do: func(ctx context.Context, e *door.Effect, email string) (struct{}, error) {
			if err := s.Unconfirmed(ctx, e, email); err != nil {
				return struct{}{}, err
			}
			chain := event.NetworkChain(e.Caller.Network)
			e.Record(event.Change{Action: "credential.refused_unverified", Subject: chain, Version: 1, Chain: chain, Payload: map[string]any{"v": 1}, Audited: true})
			e.Refuse(fault.Precondition("unconfirmed", "Confirm your address first. We have sent you a new link."))
			return struct{}{}, nil
		},
	}, email)
	return err
}

// suspended tells somebody who knows the password that an operator has locked the account.
func (s *Service) suspended(ctx context.Context, user ident.UserID) error {
	_, err := door.Do(ctx, s.Door, door.Change[ident.UserID, struct{}]{
		Action: door.Action{Name: "credential.refuse_suspended", Public: true},
		Do: func(ctx context.Context, e *door.Effect, user ident.UserID) (struct{}, error) {
			e.Record(event.Change{Action: "credential.refused_suspended", Subject: user.String(), Version: 1, Stream: "credential:" + user.String(), Chain: user.String(), Payload: map[string]any{"v": 1}, Audited: true})
			e.Refuse(fault.Locked("suspended", "This account is suspended. Write to who runs this installation."))
			return struct{}{}, nil
		},
	}, user)
	return err
}

func (s *Service) blocked(ctx context.Context, name []byte, net string) error {
	row, err := s.q.FailuresOf(ctx, s.DB, credentialq.FailuresOfParams{AccountHash: name, Network: net})
	if db.NotFound(err) {
		return nil
	} else if err != nil {
		return fmt.Errorf("read the failures: %w", err)
	}
	if row.BlockedUntil != nil {
		if wait := row.BlockedUntil.Sub(s.DB.Now()); wait > 0 {
			return fault.RateLimited(wait)
		}
	}
	return nil
}

// nameHash hides the name typed: the table of failures must not be a list of addresses.
func (s *Service) nameHash(ctx context.Context, username string) ([]byte, error) {
	key, err := s.Vault.Signer(ctx, vault.CSRF)
	if err != nil {
		return nil, err
	}
	h := hmac.New(sha256.New, key.MAC("sign-in failures"))
	h.Write([]byte(username))
	return h.Sum(nil), nil
}

// nobody is a hash to compare with when there is no account, so that unknown names cost the same work.
func (s *Service) nobody(ctx context.Context) string {
	s.once.Do(func() { s.dummy, _ = hash(context.WithoutCancel(ctx), "nobody has this password") })
	return s.dummy
}

// Part is what passwords contribute.
func (s *Service) Part() part.Part {
	return part.Part{Name: "credential", Periodics: []work.Periodic{{Kind: "credential.sweep", Every: time.Hour, Do: func(ctx context.Context) error {
		if _, err := s.q.SweepFailures(ctx, s.DB, credentialq.SweepFailuresParams{LastAt: s.DB.Now().Add(-time.Hour)}); err != nil {
			return fmt.Errorf("sweep the failures: %w", err)
		}
		return nil
	}}}}
}

func wrong() *fault.Fault {
	return fault.Unauthorized("credentials", "The name or the password is wrong.")
}

// network is the caller's network as a cidr; a caller without an address (tests, sockets) shares one.
func network(n string) string {
	if p, err := netip.ParsePrefix(n); err == nil {
		return p.String()
	}
	if a, err := netip.ParseAddr(n); err == nil {
		return netip.PrefixFrom(a, a.BitLen()).String()
	}
	return "0.0.0.0/32"
}
