//go:build testing

package registration

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/queries/registrationq"
)

// Waiting is what was mailed to an address that waits to be confirmed. NOT_FOUND for one that does not: it was confirmed, or never registered.
func (s *Service) Waiting(ctx context.Context, email string) (token, link, code string, err error) {
	if _, err := s.q.LockByEmail(ctx, s.DB, registrationq.LockByEmailParams{Email: email, Now: s.DB.Now()}); db.NotFound(err) {
		return "", "", "", fault.NotFound("registration")
	} else if err != nil {
		return "", "", "", fmt.Errorf("read the registration: %w", err)
	}
	raw, err := s.Mail.Content(ctx, email, "confirm_registration")
	if err != nil {
		return "", "", "", err
	}
	var said struct{ Link, Code string }
	if err := json.Unmarshal(raw, &said); err != nil {
		return "", "", "", fmt.Errorf("read what was mailed: %w", err)
	}
	_, token, _ = strings.Cut(said.Link, "/confirm/")
	return token, said.Link, said.Code, nil
}
