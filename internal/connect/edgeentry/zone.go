package edgeentry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/edgeentryq"
)

// ErrNotOurs says that a name lies where the edge zone must not answer, or must not be delegated to.
var ErrNotOurs = errors.New("the name is not one that the edge zone may carry")

// Seconds that answers may be kept.
const (
	ttlChallenge = 1
	ttlText      = 300
)

// Challenge is the name in the edge zone that a customer's _acme-challenge points at, for a token.
func (s *Service) Challenge(token string) string { return s.Target(token + ".acme") }

// ChallengeTx answers a challenge (RFC 8555 section 8.4) until a time: at Challenge(token), or at _acme-challenge in a delegated sub-zone. Several
// answers may stand at one name, as a certificate for a name and everything below it needs. A CA is asked to look once the edges have acknowledged
// the generation.
func (s *Service) ChallengeTx(ctx context.Context, tx *db.Tx, name, digest string, connection ident.ConnectionID, until time.Time) (generation int64, err error) {
	return s.putRecord(ctx, tx, edgeentryq.PutRecordParams{Fqdn: name, Type: TypeText, Value: digest, Ttl: ttlChallenge, Owner: connection.String(), ExpiresAt: &until})
}

// EndChallengesTx takes answers to challenges at a name away again. Those of another order stay.
func (s *Service) EndChallengesTx(ctx context.Context, tx *db.Tx, name string, digests ...string) error {
	generation, err := s.advance(ctx, tx)
	if err != nil {
		return err
	}
	for _, digest := range digests {
		if _, err := s.q.ExpireValue(ctx, tx, edgeentryq.ExpireValueParams{Fqdn: name, Type: TypeText, Value: digest, ExpiresAt: tx.Now, Generation: generation}); err != nil {
			return fmt.Errorf("end a challenge at %s: %w", name, err)
		}
	}
	return nil
}

// PublishTx makes the edge zone answer with exactly these texts at a name of its own, such as the parts of a public key at _dck1.
func (s *Service) PublishTx(ctx context.Context, tx *db.Tx, label string, texts ...string) error {
	name := s.Target(label)
	if err := s.endRecords(ctx, tx, name, TypeText); err != nil {
		return err
	}
	for _, text := range texts {
		if _, err := s.putRecord(ctx, tx, edgeentryq.PutRecordParams{Fqdn: name, Type: TypeText, Value: text, Ttl: ttlText, Owner: "installation"}); err != nil {
			return err
		}
	}
	return nil
}

// AllowIssuerTx adds a CA to those that may issue for a connection's target: the one of a certificate that the customer brings.
func (s *Service) AllowIssuerTx(ctx context.Context, tx *db.Tx, token, identity string, connection ident.ConnectionID) error {
	_, err := s.putRecord(ctx, tx, edgeentryq.PutRecordParams{Fqdn: s.Target(token), Type: TypeIssuer, Value: identity, Ttl: ttlText, Owner: connection.String()})
	return err
}

// DelegateTx makes us the authority for a customer's sub-zone, whose name servers are ns1 and ns2 below the connection's target. The caller has
// proven whose it is. Nothing of the edge zone's own, and nothing above it, can be delegated.
func (s *Service) DelegateTx(ctx context.Context, tx *db.Tx, apex, token string, connection ident.ConnectionID) error {
	apex = strings.ToLower(strings.TrimSuffix(apex, "."))
	if within(apex, s.apex()) || within(s.apex(), apex) || !strings.Contains(apex, ".") {
		return fmt.Errorf("delegate %s: %w", apex, ErrNotOurs)
	}
	if err := s.endRecords(ctx, tx, apex, TypeDelegation); err != nil { // of a former connection
		return err
	}
	_, err := s.putRecord(ctx, tx, edgeentryq.PutRecordParams{Fqdn: apex, Type: TypeDelegation, Value: token, Ttl: ttlText, Owner: connection.String()})
	return err
}

// UndelegateTx ends our authority for a sub-zone that has the name servers of this token, and says whether we had it.
func (s *Service) UndelegateTx(ctx context.Context, tx *db.Tx, apex, token string) (bool, error) {
	generation, err := s.advance(ctx, tx)
	if err != nil {
		return false, err
	}
	apex = strings.ToLower(strings.TrimSuffix(apex, "."))
	n, err := s.q.ExpireValue(ctx, tx, edgeentryq.ExpireValueParams{Fqdn: apex, Type: TypeDelegation, Value: token, ExpiresAt: tx.Now, Generation: generation})
	if err != nil {
		return false, fmt.Errorf("end the delegation of %s: %w", apex, err)
	}
	return n > 0, nil
}

func within(name, zone string) bool { return name == zone || strings.HasSuffix(name, "."+zone) }

// Keys are what the edge zone is signed with, sealed, the newest last.
func (s *Service) Keys(ctx context.Context) ([]string, error) {
	rows, err := s.q.RecordsAt(ctx, s.DB, edgeentryq.RecordsAtParams{Fqdn: s.apex(), Type: TypeKey, Now: s.DB.Now()})
	if err != nil {
		return nil, fmt.Errorf("read the keys of the edge zone: %w", err)
	}
	out := make([]string, len(rows))
	for n, r := range rows {
		out[n] = r.Value
	}
	return out, nil
}

// AddKey adds a key, which seal makes with those known that there are. With first set it does so where there is none alone, so that of several edges
// that start at the same time one makes it.
func (s *Service) AddKey(ctx context.Context, first bool, seal func(ctx context.Context, tx *db.Tx, known []string) (string, error)) error {
	return s.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		generation, err := s.advance(ctx, tx) // others wait
		if err != nil {
			return err
		}
		rows, err := s.q.RecordsAt(ctx, tx, edgeentryq.RecordsAtParams{Fqdn: s.apex(), Type: TypeKey, Now: tx.Now})
		if err != nil {
			return fmt.Errorf("read the keys of the edge zone: %w", err)
		}
		if first && len(rows) > 0 {
			return nil
		}
		var known []string
		for _, r := range rows {
			known = append(known, r.Value)
		}
		sealed, err := seal(ctx, tx, known)
		if err != nil {
			return err
		}
		return s.q.PutRecord(ctx, tx, edgeentryq.PutRecordParams{Fqdn: s.apex(), Type: TypeKey, Value: sealed, Owner: "installation", Generation: generation})
	})
}

// EndKey takes a key away. The last one stays: whoever wants an unsigned zone takes the DS from the parent first, and then switches signing off.
func (s *Service) EndKey(ctx context.Context, sealed string) error {
	return s.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		generation, err := s.advance(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := s.q.RecordsAt(ctx, tx, edgeentryq.RecordsAtParams{Fqdn: s.apex(), Type: TypeKey, Now: tx.Now})
		if err != nil {
			return fmt.Errorf("read the keys of the edge zone: %w", err)
		}
		if len(rows) < 2 {
			return errors.New("the zone's only key stays")
		}
		_, err = s.q.ExpireValue(ctx, tx, edgeentryq.ExpireValueParams{Fqdn: s.apex(), Type: TypeKey, Value: sealed, ExpiresAt: tx.Now, Generation: generation})
		return err
	})
}

func (s *Service) apex() string { return strings.TrimSuffix(strings.ToLower(s.Zone), ".") }

func (s *Service) putRecord(ctx context.Context, tx *db.Tx, p edgeentryq.PutRecordParams) (generation int64, err error) {
	if p.Generation, err = s.advance(ctx, tx); err != nil {
		return 0, err
	}
	if err := s.q.PutRecord(ctx, tx, p); err != nil {
		return 0, fmt.Errorf("write %s %s in the edge zone: %w", p.Fqdn, p.Type, err)
	}
	return p.Generation, nil
}

func (s *Service) endRecords(ctx context.Context, tx *db.Tx, name, kind string) error {
	generation, err := s.advance(ctx, tx)
	if err != nil {
		return err
	}
	if _, err := s.q.ExpireRecord(ctx, tx, edgeentryq.ExpireRecordParams{Fqdn: name, Type: kind, ExpiresAt: tx.Now, Generation: generation}); err != nil {
		return fmt.Errorf("end %s %s in the edge zone: %w", name, kind, err)
	}
	return nil
}
