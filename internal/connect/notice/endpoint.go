package notice

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/noticeq"
)

// Endpoint is what every mail about a webhook endpoint says. Of its address only the host: the rest may hold what is secret.
type Endpoint struct {
	Host string
	Link string // the endpoint's page in the console
}

// EndpointFailing tells that nothing got through to an endpoint for a day.
type EndpointFailing struct{ Endpoint }

// EndpointDisabled tells that an endpoint was switched off: it answered 410, or nothing got through for five days.
type EndpointDisabled struct {
	Endpoint
	Gone bool
}

func (EndpointFailing) Letter() string  { return "endpoint_failing" }
func (EndpointDisabled) Letter() string { return "endpoint_disabled" }

// The events of endpoints that are mailed, and the reasons that their payload gives.
const (
	endpointFailing  = "webhook_endpoint.failing"
	endpointDisabled = "webhook_endpoint.disabled"

	byHand = "by_hand"
	gone   = "gone" // it answered 410
)

// applyEndpoint mails the owners about an endpoint in trouble. What a person did by hand they know.
func (s *Service) applyEndpoint(ctx context.Context, tx *db.Tx, r event.Row) error {
	id, err := ident.Parse[ident.WebhookID](r.Subject)
	if err != nil || r.OrgID.IsZero() {
		return nil
	}
	var p struct {
		Host   string `json:"host"`
		Reason string `json:"reason"`
	}
	if err := json.Unmarshal(r.Payload, &p); err != nil {
		return fmt.Errorf("read the payload of %s: %w", r.ID, err)
	}
	if p.Reason == byHand {
		return nil
	}
	slug, err := s.q.OrganizationOf(ctx, tx, noticeq.OrganizationOfParams{OrgID: r.OrgID.UUID()})
	if db.NotFound(err) {
		return nil // deleted: nobody waits for it
	} else if err != nil {
		return fmt.Errorf("read the organization %s: %w", r.OrgID, err)
	}
	about := Endpoint{Host: p.Host, Link: fmt.Sprintf("%s/%s/webhooks/%s", s.Console, slug, id)}
	var content letter.Content = EndpointFailing{about}
	if r.Action == endpointDisabled {
		content = EndpointDisabled{about, p.Reason == gone}
	}
	return s.toOwners(ctx, tx, mail.Mail{Key: r.ID.String(), Org: r.OrgID, Letter: content, Tags: []string{id.String()}, PerDay: perDay})
}
