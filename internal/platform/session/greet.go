package session

import (
	"context"
	"fmt"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/sessionq"
)

// News is what a person reads about their sign-ins.
type News string

const (
	NewPlace News = "NEW_PLACE" // a sign-in from a network or with a browser or program that was not seen before
	Reused   News = "REUSED"    // a copy of a secret was used, and what it opened has ended
)

// greet tells the person of a sign-in from a new place. The first one of all is no news: who confirmed an address a moment ago knows.
func (s *Service) greet(ctx context.Context, e *door.Effect, user ident.UserID) error {
	if s.Tell == nil {
		return nil
	}
	p := sessionq.OrgOfPlacesParams{UserID: user.UUID(), Agent: brief(e.Caller.UserAgent, 400)}
	if e.Caller.Network != "" {
		p.Network = &e.Caller.Network
	}
	seen, err := s.q.OrgOfPlaces(ctx, e.Tx, p)
	if err != nil {
		return fmt.Errorf("look for earlier sign-ins: %w", err)
	}
	if seen.Times == 0 || seen.Device && (seen.Network || p.Network == nil) {
		return nil
	}
	return s.tell(ctx, e, NewPlace, user)
}

func (s *Service) tell(ctx context.Context, e *door.Effect, what News, user ident.UserID) error {
	if s.Tell == nil {
		return nil
	}
	return s.Tell(ctx, e, what, user)
}
