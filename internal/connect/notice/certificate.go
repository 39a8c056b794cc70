package notice

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/noticeq"
)

// CertificateExpiring tells that a certificate which the customer brought ends, and that none of ours takes over.
type CertificateExpiring struct {
	Domain
	Problem *letter.Problem
	Until   *time.Time
}

func (CertificateExpiring) Letter() string { return "certificate_expiring" }

const certificateExpiring = "certificate.expiring"

// applyCertificate mails the owners, who can bring the successor. What goes wrong with certificates of ours is told as a break of the domain.
func (s *Service) applyCertificate(ctx context.Context, tx *db.Tx, r event.Row) error {
	id, err := ident.Parse[ident.ConnectionID](r.Stream)
	if err != nil || r.OrgID.IsZero() {
		return nil
	}
	var p struct {
		Hostname string    `json:"hostname"`
		NotAfter time.Time `json:"notAfter"`
		DaysLeft int32     `json:"daysLeft"`
	}
	if err := json.Unmarshal(r.Payload, &p); err != nil {
		return fmt.Errorf("read the payload of %s: %w", r.ID, err)
	}
	c, err := s.q.ConnectionOf(ctx, tx, noticeq.ConnectionOfParams{ID: id.UUID(), OrgID: r.OrgID.UUID()})
	if db.NotFound(err) {
		return nil // archived, or its organization deleted: nobody waits for it
	} else if err != nil {
		return fmt.Errorf("read the connection %s: %w", id, err)
	}
	about := Domain{Domain: c.HostnameUnicode, Application: letter.Typed(c.Application), Link: fmt.Sprintf("%s/%s/domains/%s?tab=certificate", s.Console, c.Slug, id)}
	ends := finding.New(finding.CertificateExpiring, map[string]any{"name": c.HostnameUnicode, "daysLeft": p.DaysLeft})
	return s.toOwners(ctx, tx, mail.Mail{Key: r.ID.String(), Org: r.OrgID, Tags: []string{id.String()}, PerDay: perDay, In: func(locale string) letter.Content {
		return CertificateExpiring{about, problem(moved{Finding: &ends}, locale), &p.NotAfter}
	}})
}
