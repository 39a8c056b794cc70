package credential

import (
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
)

// AuthResult is what a program's sign-in ends in.
type AuthResult interface{ IsAuthResult() }

// TokensIssued is a sign-in that is complete.
type TokensIssued struct{ Tokens *session.Tokens }

// IsAuthResult makes it a member of the union.
func (*TokensIssued) IsAuthResult() {}

// Result is a step of a sign-in as programs see it; nil for none.
func Result(n *factor.Next) AuthResult {
	switch {
	case n == nil:
		return nil
	case n.Required != nil:
		return n.Required
	}
	return &TokensIssued{n.Tokens}
}
