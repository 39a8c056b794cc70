package apikey

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/apikeyq"
)

// What is the kind of news about a key.
type What string

const (
	Created  What = "CREATED"
	Expiring What = "EXPIRING"
	Revoked  What = "REVOKED"
)

// News is what people read about a key.
type News struct {
	What        What
	Key         ident.KeyID
	Org         ident.OrgID
	Slug        string         // of the organization
	Readers     []ident.UserID // the key's person, or who registered the machine; of a revocation the organization's owners too
	Description string
	Hint        string // prefix and last four
	ExpiresAt   *time.Time
	Reason      string // of a revocation; "" where its person left
	Once        string // Expiring: the notice is sent once under this name
}

// notices are how long before its end a key's owner reads of it, the last one first.
var notices = []time.Duration{3 * 24 * time.Hour, 14 * 24 * time.Hour}

func hint(lookup, lastFour string) string { return prefix + lookup + "…" + lastFour }

func (s *Service) tell(ctx context.Context, e *door.Effect, what What, org ident.OrgID, id ident.KeyID, reason string) error {
	if s.Tell == nil {
		return nil
	}
	r, err := s.q.ForLetter(ctx, e.Tx, apikeyq.ForLetterParams{ID: id.UUID(), OrgID: org.UUID()})
	if err != nil {
		return fmt.Errorf("read what a mail says of the key %s: %w", id, err)
	}
	n := News{What: what, Key: id, Org: org, Slug: r.Slug, Readers: []ident.UserID{reader(r.UserID, r.CreatedBy)}, Description: r.Description, Hint: hint(r.Lookup, r.LastFour), ExpiresAt: r.ExpiresAt, Reason: reason}
	if what == Revoked {
		owners, err := s.q.OwnersOf(ctx, e.Tx, apikeyq.OwnersOfParams{OrgID: org.UUID()})
		if err != nil {
			return fmt.Errorf("find the owners of %s: %w", org, err)
		}
		for _, o := range owners {
			if user := ident.From[ident.UserID](o); user != n.Readers[0] {
				n.Readers = append(n.Readers, user)
			}
		}
	}
	return s.Tell(ctx, e, n)
}

// reader is who reads about a key: its person, or for a machine's key who registered the machine.
func reader(user uuid.UUID, createdBy *uuid.UUID) ident.UserID {
	if createdBy != nil {
		user = *createdBy
	}
	return ident.From[ident.UserID](user)
}

// notice tells the owners of keys that end in two weeks or three days, once each, and puts on record those that have ended.
func (s *Service) notice(ctx context.Context) error {
	told := map[uuid.UUID]bool{}
	for n, ahead := range notices {
		if err := s.expiring(ctx, n, ahead, told); err != nil {
			return err
		}
	}
	return s.expired(ctx)
}

// expiring tells of keys that end within ahead. A key of which was just told that it ends in three days is not told again that it ends in two weeks.
func (s *Service) expiring(ctx context.Context, n int, ahead time.Duration, told map[uuid.UUID]bool) error {
	now, after := s.DB.Now(), uuid.Nil
	for {
		rows, err := s.q.OrgOfExpiring(ctx, s.DB, apikeyq.OrgOfExpiringParams{Now: now, Until: now.Add(ahead), After: after})
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, r := range rows {
			after = r.ID
			if told[r.ID] || s.Tell == nil {
				continue
			}
			told[r.ID] = true
			id, org := ident.From[ident.KeyID](r.ID), ident.From[ident.OrgID](r.OrgID)
			err := s.Door.System(ctx, "apikey.notice", org, func(ctx context.Context, e *door.Effect) error {
				e.Quiet() // the mail itself is the event
				return s.Tell(ctx, e, News{What: Expiring, Key: id, Org: org, Slug: r.Slug, Readers: []ident.UserID{reader(r.UserID, r.CreatedBy)}, Description: r.Description,
					Hint: hint(r.Lookup, r.LastFour), ExpiresAt: r.ExpiresAt, Once: fmt.Sprintf("%s/%d", id, n)})
			})
			if err != nil {
				return fmt.Errorf("tell that the key %s ends: %w", id, err)
			}
		}
	}
}

func (s *Service) expired(ctx context.Context) error {
	for {
		rows, err := s.q.OrgOfExpired(ctx, s.DB, apikeyq.OrgOfExpiredParams{Now: s.DB.Now()})
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, r := range rows {
			id, org := ident.From[ident.KeyID](r.ID), ident.From[ident.OrgID](r.OrgID)
			err := s.Door.System(ctx, "apikey.notice", org, func(ctx context.Context, e *door.Effect) error {
				n, err := s.q.NoteExpired(ctx, e.Tx, apikeyq.NoteExpiredParams{ID: r.ID, OrgID: r.OrgID, Now: e.Tx.Now})
				if err != nil {
					return err
				}
				if n == 0 {
					return door.ErrNothing
				}
				e.Record(event.Change{OrgID: org, Action: "apikey.expired", Subject: id.String(), Version: 2, Payload: map[string]any{"v": 1}})
				return nil
			})
			if err != nil {
				return fmt.Errorf("note that the key %s has ended: %w", id, err)
			}
		}
	}
}
