package account

import (
	"context"
	"fmt"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/accountq"
)

// AcceptTermsTx notes that the person accepted a version of the terms.
func (s *Service) AcceptTermsTx(ctx context.Context, e *door.Effect, user ident.UserID, version string) error {
	if err := s.q.AcceptTerms(ctx, e.Tx, accountq.AcceptTermsParams{UserID: user.UUID(), TermsVersion: version, AcceptedAt: e.Tx.Now}); err != nil {
		return fmt.Errorf("note the terms: %w", err)
	}
	e.Record(event.Change{Action: "account.terms_accepted", Subject: user.String(), Version: 1, Stream: "terms:" + user.String(), Chain: user.String(), Payload: map[string]any{"v": 1, "terms": version}, Audited: true})
	return nil
}

// AcceptTerms is a signed-in person's word on the terms that hold now. What was accepted before stays accepted; a second time changes nothing.
func (s *Service) AcceptTerms(ctx context.Context, version string) (*Viewer, error) {
	if authz.From(ctx).Kind != authz.USER {
		return nil, fault.Forbidden(string(authz.SelfWrite))
	}
	if version != s.Terms || version == "" {
		return nil, fault.Precondition("terms_changed", "These terms do not hold any more. Load the page again, and read those of today.").With("version", s.Terms)
	}
	_, err := door.Do(ctx, s.Door, door.Change[string, struct{}]{
		Action: door.Action{Name: "account.accept_terms", Own: true},
		Do: func(ctx context.Context, e *door.Effect, version string) (struct{}, error) {
			done, err := s.q.Accepted(ctx, e.Tx, accountq.AcceptedParams{UserID: e.Caller.UserID.UUID(), TermsVersion: version})
			if err != nil {
				return struct{}{}, fmt.Errorf("read the terms: %w", err)
			}
			if done {
				e.Quiet()
				return struct{}{}, nil
			}
			return struct{}{}, s.AcceptTermsTx(ctx, e, e.Caller.UserID, version)
		},
	}, version)
	if err != nil {
		return nil, err
	}
	return s.Viewer(ctx)
}

// pending is the version of the terms that a person has not accepted yet.
func (s *Service) pending(ctx context.Context, user ident.UserID) (*string, error) {
	if s.Terms == "" || authz.From(ctx).Kind != authz.USER {
		return nil, nil
	}
	done, err := s.q.Accepted(ctx, s.DB, accountq.AcceptedParams{UserID: user.UUID(), TermsVersion: s.Terms})
	if err != nil {
		return nil, fmt.Errorf("read the terms: %w", err)
	}
	if done {
		return nil, nil
	}
	return &s.Terms, nil
}
