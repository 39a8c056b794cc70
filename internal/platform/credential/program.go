package credential

import (
	"context"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
)

// longestClient is how long the name is that a program gives itself, in characters.
const longestClient = 100

// AuthenticatePasswordInput is a person's name and password in the hands of a program.
type AuthenticatePasswordInput struct {
	Username string
	Password secret.String
	Client   *string
}

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

// AuthenticatePassword is SignIn for programs: the same checks, limits, refusals and second factors, and tokens in place of a cookie.
func (s *Service) AuthenticatePassword(ctx context.Context, in AuthenticatePasswordInput) (AuthResult, error) {
	client := ""
	if in.Client != nil {
		client = *in.Client
	}
	if !utf8.ValidString(client) || utf8.RuneCountInString(client) > longestClient {
		return nil, fault.Invalid("client", "client_length", "Name the program in at most %d characters.", longestClient)
	}
	next, err := s.Authenticate(ctx, in.Username, in.Password, factor.Program, client)
	if err != nil {
		return nil, err
	}
	return Result(next), nil
}
