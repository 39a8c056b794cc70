package app

import (
	"context"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// nameOf is what people call an actor of the ledger: a person by the name in their profile, an API key by its description. What acts for nobody of the
// organization (the product, a widget, an operator) has no name here, nor has who is gone.
func (a *App) nameOf(ctx context.Context, org ident.OrgID, actor string) (string, error) {
	kind, id, _ := strings.Cut(actor, ":")
	switch kind {
	case "user":
		var user ident.UserID
		if err := user.UnmarshalText([]byte(id)); err != nil {
			return "", err
		}
		p, err := a.Profiles.Of(ctx, user)
		if fault.Is(err, fault.NotFoundCode) {
			return "", nil
		} else if err != nil {
			return "", err
		}
		return p.DisplayName, nil
	case "key":
		var key ident.KeyID
		if err := key.UnmarshalText([]byte(id)); err != nil {
			return "", err
		}
		return a.Keys.Called(ctx, org, key)
	}
	return "", nil
}
