package application

import (
	"context"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/applicationq"
)

// RotateEdgeSecretInput asks for a new secret. The one of before signs along for OverlapHours, 0 to 168.
type RotateEdgeSecretInput struct {
	ApplicationID ident.ApplicationID
	OverlapHours  int32
}

// EdgeSecretPayload shows the secret, once.
type EdgeSecretPayload struct {
	Application   *Application
	Secret        secret.String
	PreviousUntil *time.Time
}

// secretRotated is the payload of application.edge_secret_rotated.
type secretRotated struct {
	V             int        `json:"v"`
	PreviousUntil *time.Time `json:"previousUntil,omitempty"`
}

// RotateEdgeSecret makes a new secret that the edges sign requests to the application's origin with; the first one begins the signing.
func (s *Service) RotateEdgeSecret(ctx context.Context, in RotateEdgeSecretInput) (*EdgeSecretPayload, error) {
	return door.Do(ctx, s.Door, door.Change[RotateEdgeSecretInput, *EdgeSecretPayload]{
		Action: door.Action{Name: "application.rotate_edge_secret", Permission: "application.write", StepUp: true},
		Org: func(ctx context.Context, in RotateEdgeSecretInput) (ident.OrgID, error) {
			return s.OrgOf(ctx, in.ApplicationID)
		},
		Validate: func(_ context.Context, e *door.Effect, in *RotateEdgeSecretInput) error {
			if !e.Scope.Covers(in.ApplicationID) {
				return fault.NotFound("application")
			}
			_, err := secret.Overlap(in.OverlapHours)
			return err
		},
		Do: s.rotateEdgeSecret,
	}, in)
}

func (s *Service) rotateEdgeSecret(ctx context.Context, e *door.Effect, in RotateEdgeSecretInput) (*EdgeSecretPayload, error) {
	app, err := s.lock(ctx, e, in.ApplicationID)
	if err != nil {
		return nil, err
	}
	if app.Version, err = s.q.MarkEdgeSecret(ctx, e.Tx, applicationq.MarkEdgeSecretParams{ID: app.ID.UUID(), OrgID: e.Scope.OrgUUID(), EdgeSecretAt: &e.Tx.Now}); err != nil {
		return nil, fmt.Errorf("note the edge secret of %s: %w", app.ID, err)
	}
	app.EdgeSecretAt, app.UpdatedAt = &e.Tx.Now, e.Tx.Now
	fresh, until, err := s.Edge.RotateSecretTx(ctx, e.Tx, e.Scope.Org(), app.ID, time.Duration(in.OverlapHours)*time.Hour)
	if err != nil {
		return nil, err
	}
	e.Record(event.Change{OrgID: e.Scope.Org(), Action: "application.edge_secret_rotated", Subject: app.ID.String(), Version: app.Version, Payload: secretRotated{1, until}, Audited: true})
	e.After(func() { s.forget(app.PublicKey) })
	return &EdgeSecretPayload{Application: app, Secret: fresh, PreviousUntil: until}, nil
}
