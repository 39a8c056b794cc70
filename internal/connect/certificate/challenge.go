package certificate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/queries/certificateq"
)

const (
	acmeLabel     = "_acme-challenge" // RFC 8555 section 8.4
	challengeKept = time.Hour         // an answer of a process that died is none for longer
	tidyTime      = 5 * time.Second
	answerEvery   = 200 * time.Millisecond
)

var challengeTypes = map[ChallengeMode]string{HTTP01: acme.ChallengeTypeHTTP01, TLSALPN01: acme.ChallengeTypeTLSALPN01, DNS01Delegated: acme.ChallengeTypeDNS01, DNSPersist01: acme.ChallengeTypeDNSPersist01}

// pending is one authorization that the CA wants to see proven.
type pending struct {
	url       string
	authz     acme.Authorization
	challenge acme.Challenge
	settled   bool // the CA has said what it thinks of it
}

// authorize proves all names of an order: it puts the answers where CAs look, waits until every edge has them, and lets the CA look. Whatever happens, the
// answers are gone afterwards.
func (s *Service) authorize(ctx context.Context, t *turn, client *acme.Client, account acme.Account, ca CA, urls []string) error {
	var all []*pending
	for _, url := range urls {
		authz, err := client.GetAuthorization(ctx, account, url)
		if err != nil {
			return attribute(err, "read an authorization", ca.Name)
		}
		if authz.Status == acme.StatusValid {
			continue
		}
		at := slices.IndexFunc(authz.Challenges, func(c acme.Challenge) bool { return c.Type == challengeTypes[t.mode] })
		if at < 0 {
			return errNoChallenge
		}
		p := &pending{url: url, authz: authz, challenge: authz.Challenges[at]}
		p.challenge.Identifier = authz.Identifier
		all = append(all, p)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
		defer cancel()
		if err := s.withdraw(ctx, t, all); err != nil {
			s.log().Warn("a challenge stays until it expires", "err", err)
		}
		for _, p := range all {
			if !p.settled { // the CA counts what is left pending
				_, _ = client.DeactivateAuthorization(ctx, account, p.url)
			}
		}
	}()
	if err := s.present(ctx, t, all); err != nil {
		return err
	}
	for _, p := range all {
		if _, err := client.InitiateChallenge(ctx, account, p.challenge); err != nil {
			return attribute(err, "offer the challenge", ca.Name)
		}
		_, err := client.PollAuthorization(ctx, account, p.authz)
		_, answered := errors.AsType[acme.Problem](err)
		p.settled = err == nil || answered
		if err != nil {
			return attribute(err, "validate "+p.authz.Identifier.Value, ca.Name)
		}
	}
	return nil
}

// present puts the answers where the CA will look. What the edges read from the database when they are asked needs no time; an answer in the edge zone
// is offered when every live edge has it.
func (s *Service) present(ctx context.Context, t *turn, all []*pending) error {
	switch t.mode {
	case DNSPersist01: // it stands in the customer's zone, always
		return nil
	case DNS01Delegated:
		return s.presentInZone(ctx, t, all)
	}
	for _, p := range all {
		row := certificateq.PutChallengeParams{Kind: string(t.mode), Name: p.authz.Identifier.Value, Token: p.challenge.Token, Answer: p.challenge.KeyAuthorization,
			CertificateID: t.row.Certificate.ID, ExpiresAt: s.DB.Now().Add(challengeKept)}
		if err := s.q.PutChallenge(ctx, s.DB, row); err != nil {
			return fmt.Errorf("write a challenge: %w", err)
		}
	}
	return nil
}

// challengeName is where an answer stands that the CA asks for at _acme-challenge: there itself, in a zone that was handed over to us, else at the name of
// the edge zone that the customer's alias points at.
func (s *Service) challengeName(t *turn) string {
	if t.row.Delegated {
		return acmeLabel + "." + t.row.Hostname
	}
	return s.Edge.Challenge(t.row.TargetToken)
}

func (s *Service) presentInZone(ctx context.Context, t *turn, all []*pending) error {
	if len(all) == 0 {
		return nil
	}
	var generation int64
	err := s.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		for _, p := range all {
			if generation, err = s.Edge.ChallengeTx(ctx, tx, s.challengeName(t), p.challenge.DNS01KeyAuthorization(), t.con, tx.Now.Add(challengeKept)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write a challenge into the edge zone: %w", err)
	}
	if there, err := s.acked(ctx, generation); err != nil {
		return err
	} else if !there {
		return errEdgesSilent
	}
	return s.answered(ctx, t, all)
}

// answered waits until the name servers answer with what the CA will ask them for (CE-4): an edge that has it in memory may still not be the one that is asked.
func (s *Service) answered(ctx context.Context, t *turn, all []*pending) error {
	if s.Answers == nil {
		return nil
	}
	var texts []string
	for _, p := range all {
		texts = append(texts, p.challenge.DNS01KeyAuthorization())
	}
	wait, cancel := context.WithTimeout(ctx, edgesTime)
	defer cancel()
	tick := time.NewTicker(answerEvery)
	defer tick.Stop()
	for {
		err := s.Answers(wait, s.challengeName(t), texts)
		if err == nil {
			return nil
		}
		select {
		case <-wait.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			s.log().WarnContext(ctx, "the name servers do not answer with a challenge", "connection", t.con, "err", err)
			return errEdgesSilent
		case <-tick.C:
		}
	}
}

// errEdgesSilent: our own side is not ready, and the CA was not bothered.
var errEdgesSilent = errors.New("the edges did not take the challenge over in time")

// withdraw takes the answers away again, and no others.
func (s *Service) withdraw(ctx context.Context, t *turn, all []*pending) error {
	if len(all) == 0 {
		return nil
	}
	switch t.mode {
	case DNSPersist01:
		return nil
	case DNS01Delegated:
		var digests []string
		for _, p := range all {
			digests = append(digests, p.challenge.DNS01KeyAuthorization())
		}
		return s.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			return s.Edge.EndChallengesTx(ctx, tx, s.challengeName(t), digests...)
		})
	}
	var failed error
	for _, p := range all {
		failed = errors.Join(failed, s.q.DropChallenge(ctx, s.DB, certificateq.DropChallengeParams{Kind: string(t.mode), Name: p.authz.Identifier.Value, Token: p.challenge.Token}))
	}
	return failed
}
