package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/webhook/send"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/webhookq"
)

// RotateWebhookSecretInput asks for a new secret. The one of before signs along for OverlapHours, 0 to 168.
type RotateWebhookSecretInput struct {
	ID               ident.WebhookID
	OverlapHours     int32
	ClientMutationID *string
}

// rotated is the payload of webhook_endpoint.secret_rotated.
type rotated struct {
	V             int        `json:"v"`
	Host          string     `json:"host"`
	PreviousUntil *time.Time `json:"previousUntil,omitempty"`
}

// Rotate makes a new signing secret, which is shown once and signs from now on. Until the overlap ends each message has two signatures, the newest first.
// A secret from before an overlap that still runs signs no more. Deliveries that are on their way are signed by what is valid at each attempt.
func (s *Service) Rotate(ctx context.Context, in RotateWebhookSecretInput) (*WebhookEndpointResult, error) {
	return door.Do(ctx, s.Door, door.Change[RotateWebhookSecretInput, *WebhookEndpointResult]{
		Action: door.Action{Name: "webhook_endpoint.rotate_secret", Permission: mayWrite, StepUp: true},
		Org: func(ctx context.Context, in RotateWebhookSecretInput) (ident.OrgID, error) {
			return s.OrgOf(ctx, in.ID)
		},
		Key: func(in RotateWebhookSecretInput) *string { return in.ClientMutationID },
		Validate: func(_ context.Context, _ *door.Effect, in *RotateWebhookSecretInput) error {
			_, err := secret.Overlap(in.OverlapHours)
			return err
		},
		Do: s.rotate,
	}, in)
}

func (s *Service) rotate(ctx context.Context, e *door.Effect, in RotateWebhookSecretInput) (*WebhookEndpointResult, error) {
	r, err := s.lock(ctx, e, in.ID)
	if err != nil {
		return nil, err
	}
	hidden, hint := send.NewSecret()
	sealed, err := s.Vault.Seal(ctx, e.Tx, e.Scope.Org(), secretColumn, in.ID.String(), []byte(hidden.Reveal()))
	if err != nil {
		return nil, fmt.Errorf("seal the secret of %s: %w", in.ID, err)
	}
	until := e.Tx.Now.Add(time.Duration(in.OverlapHours) * time.Hour)
	if err := s.q.RotateSecret(ctx, e.Tx, webhookq.RotateSecretParams{ID: r.ID, OrgID: e.Scope.OrgUUID(), SealedSecret: sealed, SecretHint: hint, Until: until, Now: e.Tx.Now}); err != nil {
		return nil, fmt.Errorf("rotate the secret of %s: %w", in.ID, err)
	}
	p := rotated{V: 1, Host: hostOf(r.Url)}
	if in.OverlapHours > 0 {
		p.PreviousUntil = &until
	}
	e.Record(event.Change{OrgID: e.Scope.Org(), Action: "webhook_endpoint.secret_rotated", Subject: in.ID.String(), Version: r.Version + 1, Payload: p, Audited: true})
	result, err := s.result(ctx, e, in.ID)
	if err != nil {
		return nil, err
	}
	result.Secret = &hidden
	return result, nil
}
