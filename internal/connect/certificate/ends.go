package certificate

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/queries/certificateq"
)

// CertificatePage is a page of certificates.
type CertificatePage = page.Of[*Certificate]

// CertificateEdge is one of them with its place.
type CertificateEdge = page.Edge[*Certificate]

// InForce lists what the names of an organization present, whose end comes first; or those alone at risk, whose visitors meet a warning when they end unless
// somebody acts. A key of one application sees that application's.
func (s *Service) InForce(ctx context.Context, org ident.OrgID, atRisk bool, first *int32, after *string) (*CertificatePage, error) {
	scope, err := s.Authz.Authorize(ctx, "connection.read", org)
	if err != nil {
		return nil, err
	}
	args, err := page.Read(first, after, 20)
	if err != nil {
		return nil, err
	}
	now, app := s.DB.Now(), scope.Application().UUID()
	p := certificateq.InForceParams{OrgID: scope.OrgUUID(), ApplicationID: app, AtRisk: atRisk, Now: now, AfterID: uuid.Nil, Most: int32(args.First + 1)}
	if args.After != nil {
		if p.After, err = time.Parse(time.RFC3339Nano, args.After.Sort); err != nil {
			return nil, fault.Invalid("after", "cursor", "Send a cursor exactly as it was given.")
		}
		p.AfterID = args.After.ID
	}
	rows, err := s.q.InForce(ctx, s.DB, p)
	if err != nil {
		return nil, fmt.Errorf("list the certificates of %s: %w", org, err)
	}
	total, err := s.q.CountInForce(ctx, s.DB, certificateq.CountInForceParams{OrgID: scope.OrgUUID(), ApplicationID: app, AtRisk: atRisk, Now: now})
	if err != nil {
		return nil, fmt.Errorf("count the certificates of %s: %w", org, err)
	}
	list := make([]*Certificate, len(rows))
	for n, row := range rows {
		if list[n], err = fromRow(row, now); err != nil {
			return nil, err
		}
	}
	return new(page.Make(args, list, &total, func(c *Certificate) page.Cursor {
		return page.Cursor{Sort: c.NotAfter.Format(time.RFC3339Nano), ID: c.ID.UUID()}
	})), nil
}
