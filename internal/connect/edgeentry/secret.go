package edgeentry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/queries/edgeentryq"
)

// Secret is what edges sign requests to an application's origin with, opened.
type Secret struct {
	ApplicationID ident.ApplicationID
	Current       secret.String
	Previous      secret.String // signs along until PreviousUntil; zero: there is none
	PreviousUntil *time.Time
	Generation    int64
}

// secretColumn is where the vault knows them by; the former secret keeps its sealing.
const secretColumn = "edge_secret.sealed"

// RotateSecretTx gives an application a new secret, which signs from within a second of the commit on. The one before signs along for overlap.
func (s *Service) RotateSecretTx(ctx context.Context, tx *db.Tx, org ident.OrgID, app ident.ApplicationID, overlap time.Duration) (fresh secret.String, previousUntil *time.Time, err error) {
	fresh = secret.Random("npe_")
	sealed, err := s.Vault.Seal(ctx, tx, org, secretColumn, app.String(), []byte(fresh.Reveal()))
	if err != nil {
		return fresh, nil, fmt.Errorf("seal the edge secret of %s: %w", app, err)
	}
	generation, err := s.advance(ctx, tx)
	if err != nil {
		return fresh, nil, err
	}
	p := edgeentryq.RotateSecretParams{ApplicationID: app.UUID(), OrgID: org.UUID(), Sealed: sealed, Generation: generation, Now: tx.Now, Until: tx.Now.Add(overlap)}
	if previousUntil, err = s.q.RotateSecret(ctx, tx, p); err != nil {
		return fresh, nil, fmt.Errorf("write the edge secret of %s: %w", app, err)
	}
	return fresh, previousUntil, nil
}

// secretsAfter reads and opens them. What cannot be opened for good, because its organization's keys were destroyed, is left out: nothing of it is served either.
func (s *Service) secretsAfter(ctx context.Context, generation int64) ([]Secret, error) {
	rows, err := s.q.SecretsAfter(ctx, s.DB, edgeentryq.SecretsAfterParams{Generation: generation})
	if err != nil {
		return nil, fmt.Errorf("read the edge secrets: %w", err)
	}
	var out []Secret
	for _, r := range rows {
		org := ident.From[ident.OrgID](r.OrgID)
		one := Secret{ApplicationID: ident.From[ident.ApplicationID](r.ApplicationID), PreviousUntil: r.PreviousUntil, Generation: r.Generation}
		for into, sealed := range map[*secret.String][]byte{&one.Current: r.Sealed, &one.Previous: r.SealedPrevious} {
			if sealed == nil {
				continue
			}
			plain, opens := s.Vault.Open(ctx, s.DB, org, secretColumn, one.ApplicationID.String(), sealed)
			if opens != nil {
				err = errors.Join(err, opens)
				continue
			}
			*into = secret.New(string(plain))
		}
		switch {
		case errors.Is(err, vault.ErrSealed):
			err = nil
		case err != nil:
			return nil, fmt.Errorf("open the edge secret of %s: %w", one.ApplicationID, err)
		default:
			out = append(out, one)
		}
	}
	return out, nil
}
