package credential

import (
	"context"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
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

// Authenticate is SignIn for programs: the same checks, limits and refusals, and tokens in place of a cookie.
func (s *Service) Authenticate(ctx context.Context, in AuthenticatePasswordInput) (AuthResult, error) {
	client := ""
	if in.Client != nil {
		client = *in.Client
	}
	if !utf8.ValidString(client) || utf8.RuneCountInString(client) > longestClient {
		return nil, fault.Invalid("client", "client_length", "Name the program in at most %d characters.", longestClient)
	}
	out, err := s.signIn(ctx, in.Username, in.Password, &client)
	if err != nil {
		return nil, err
	}
	return &TokensIssued{out.Tokens}, nil
}
