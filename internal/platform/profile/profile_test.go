package profile_test

import (
	"context"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/profile"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

func TestProfile_AnAddressBelongsToOnePerson(t *testing.T) {
	t.Parallel()
	b := spinetest.New(t)
	s := &profile.Service{DB: b.DB}
	add := func(mail string) (ident.UserID, error) {
		user := ident.New[ident.UserID](time.Now())
		return user, b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			if _, err := tx.Exec(ctx, "insert into app_user (id, kind, status, created_at) values ($1, 'PERSON', 'REGISTERED', $2)", user.UUID(), tx.Now); err != nil {
				return err
			}
			return s.AddTx(ctx, tx, profile.Profile{UserID: user, FirstName: "Mia", DisplayName: "Mia Müller", LastName: new("Müller"), Email: &mail, Timezone: "Europe/Berlin", Locale: "de"})
		})
	}
	user, err := add("mia@example.com")
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Of(t.Context(), user)
	if err != nil || p.ID != user || p.DisplayName != "Mia Müller" || *p.LastName != "Müller" || *p.Email != "mia@example.com" || p.Locale != "de" || p.Timezone != "Europe/Berlin" {
		t.Errorf("%+v, %v", p, err)
	}
	for _, taken := range []string{"mia@example.com", "MIA@Example.com", "acme@example.com"} {
		if _, err := add(taken); !fault.Is(err, fault.ConflictCode) || fault.All(err)[0].Field != "email" {
			t.Errorf("%s: %v", taken, err)
		}
	}
	if _, err := s.Of(t.Context(), ident.New[ident.UserID](time.Now())); !fault.Is(err, fault.NotFoundCode) {
		t.Errorf("an unknown person: %v", err)
	}
}
