//go:build testing

package mail

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/mailq"
)

// Content is what the newest mail of a letter to an address says, opened from its seal. NOT_FOUND when there is none, or its content was erased.
func (s *Service) Content(ctx context.Context, to, template string) (json.RawMessage, error) {
	all, err := s.Recent(ctx, DeliveryFilter{Recipient: &to})
	if err != nil {
		return nil, err
	}
	for _, m := range all {
		if m.Template != template {
			continue
		}
		r, err := s.q.MessageByID(ctx, s.DB, mailq.MessageByIDParams{ID: m.ID.UUID()})
		if err != nil {
			return nil, fmt.Errorf("read the mail %s: %w", m.ID, err)
		}
		if r.SealedArgs == nil {
			break
		}
		var org ident.OrgID
		if m.OrganizationID != nil {
			org = *m.OrganizationID
		}
		raw, err := s.Vault.Open(ctx, s.DB, org, argsColumn, m.ID.String(), r.SealedArgs)
		if err != nil {
			return nil, fmt.Errorf("open the mail %s: %w", m.ID, err)
		}
		var args arguments
		err = json.Unmarshal(raw, &args)
		return args.Content, err
	}
	return nil, fault.NotFound("message")
}
