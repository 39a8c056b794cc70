package session

import (
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
)

// Tokens are what a program holds in place of a cookie.
type Tokens struct {
	UserID           ident.UserID
	Access           secret.String
	AccessExpiresAt  time.Time
	Refresh          secret.String
	RefreshExpiresAt time.Time
}
