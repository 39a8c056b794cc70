package connection

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	fast "github.com/go-json-experiment/json" // a page decodes hundreds of columns
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/connectionq"
)

// read answers a connection of an organization as it stands now; nil when it has none with this id.
func (s *Service) read(ctx context.Context, org ident.OrgID, id ident.ConnectionID) (*Connection, error) {
	row, err := s.q.ConnectionByID(ctx, s.DB, connectionq.ConnectionByIDParams{ID: id.UUID(), OrgID: org.UUID()})
	if db.NotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read %s: %w", id, err)
	}
	return s.shown(&row.Connection, row.NextAt, row.LeasedUntil)
}

// ByHostname answers the open connection of an application by its exact name (A-labels, lower case); nil for none. It asks nobody for a permission: for
// what the product itself must know.
func (s *Service) ByHostname(ctx context.Context, app *application.Application, hostname string) (*Connection, error) {
	row, err := s.q.OpenConnectionByHostname(ctx, s.DB, connectionq.OpenConnectionByHostnameParams{OrgID: app.OrgID.UUID(), ApplicationID: app.ID.UUID(), Hostname: hostname})
	if db.NotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("look for %s of %s: %w", hostname, app.ID, err)
	}
	return s.shown(&row.Connection, row.NextAt, row.LeasedUntil)
}

// shown is fromRow with what stands in the due row: when it is looked at next, and ANALYZING while its first check runs.
func (s *Service) shown(row *connectionq.Connection, next, leased *time.Time) (*Connection, error) {
	c, err := s.fromRow(row)
	if err != nil {
		return nil, err
	}
	if next != nil && next.Before(never) {
		c.NextCheckAt = next
	}
	if c.State == Draft && leased != nil && leased.After(s.DB.Now()) {
		m := c.marks()
		m.Analyzing = true
		c.State, _ = Headline(c.Facets, m)
	}
	return c, nil
}

func (s *Service) fromRow(row *connectionq.Connection) (*Connection, error) {
	c := &Connection{
		ID: ident.From[ident.ConnectionID](row.ID), OrgID: ident.From[ident.OrgID](row.OrgID), ApplicationID: ident.From[ident.ApplicationID](row.ApplicationID),
		RecipeID: ident.From[ident.RecipeID](row.RecipeID), Version: row.Version, Hostname: row.Hostname, UnicodeName: row.HostnameUnicode, HostLabel: row.HostLabel,
		RegistrableDomain: row.RegistrableDomain, PublicSuffix: row.PublicSuffix, ZoneApex: row.ZoneApex, IsApex: row.IsApex, IsWildcard: row.IsWildcard,
		Life: Life{
			State: State(row.State), StateReason: row.StateReason, StateSince: row.StateSince, PassCount: row.PassCount, LastPassAt: row.LastPassAt, FailCount: row.FailCount,
			FirstFailAt: row.FirstFailAt, AttentionUntil: row.AttentionUntil, Ladder: unpackLadder(row.Ladder), WindowEndsAt: row.WindowEndsAt, GraceUntil: row.GraceUntil,
			AnalyzedAt: row.AnalyzedAt, VerifyingSince: row.VerifyingSince, LiveAt: row.LiveAt, FirstLiveAt: row.FirstLiveAt, SuspendedAt: row.SuspendedAt, FailedAt: row.FailedAt,
			ArchivedAt: row.ArchivedAt,
		},
		SetupType: (*SetupType)(row.SetupType), Mechanism: (*Mechanism)(row.Mechanism), SetupOrigin: SetupOrigin(row.SetupOrigin), ProviderSlug: row.ProviderSlug,
		TargetToken: row.TargetToken, Target: s.Edge.Target(row.TargetToken), VerificationToken: row.VerificationToken, TLSMode: row.TlsMode, ExternalRef: row.ExternalRef,
		EndUserRef: row.EndUserRef, EndUserEmail: row.EndUserEmail, Metadata: row.Metadata, Labels: row.Labels, Findings: []finding.Finding{}, CreatedBy: row.CreatedBy,
		CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, CheckedAt: row.CheckedAt, FreshUntil: row.FreshUntil,
	}
	if row.CompanionOf != nil {
		c.CompanionOf = new(ident.From[ident.ConnectionID](*row.CompanionOf))
	}
	if row.ProviderConfidence != nil {
		c.ProviderConfidence = new(float64(*row.ProviderConfidence))
	}
	for _, part := range []struct {
		raw  []byte
		into any
	}{{row.Facets, &c.Facets}, {row.Findings, &c.Findings}, {row.Eta, &c.Eta}, {row.Upstream, &c.Upstream}} {
		if part.raw == nil {
			continue
		}
		if err := fast.Unmarshal(part.raw, part.into); err != nil {
			return nil, fmt.Errorf("read %s: %w", c.ID, err)
		}
	}
	c.Person = person(c.Findings)
	return c, nil
}

// person is the code of the first finding that somebody has to act on.
func person(all []finding.Finding) string {
	for _, f := range all {
		if f.NeedsPerson() {
			return f.Code
		}
	}
	return ""
}

// save writes what checks, timers and verbs moved; the row is locked. With news the version goes up by one.
func (s *Service) save(ctx context.Context, tx *db.Tx, c *Connection, news bool) error {
	p := connectionq.SaveLifeParams{
		ID: c.ID.UUID(), OrgID: c.OrgID.UUID(), State: string(c.State), StateReason: c.StateReason, StateSince: c.StateSince, ZoneApex: c.ZoneApex, ProviderSlug: c.ProviderSlug,
		PassCount: c.PassCount, LastPassAt: c.LastPassAt, FailCount: c.FailCount, FirstFailAt: c.FirstFailAt, AttentionUntil: c.AttentionUntil, Ladder: c.Ladder.pack(),
		WindowEndsAt: c.WindowEndsAt, GraceUntil: c.GraceUntil, AnalyzedAt: c.AnalyzedAt, VerifyingSince: c.VerifyingSince, LiveAt: c.LiveAt, FirstLiveAt: c.FirstLiveAt,
		SuspendedAt: c.SuspendedAt, FailedAt: c.FailedAt, ArchivedAt: c.ArchivedAt, CheckedAt: c.CheckedAt, FreshUntil: c.FreshUntil, Now: tx.Now,
	}
	if c.ProviderConfidence != nil {
		p.ProviderConfidence = new(float32(*c.ProviderConfidence))
	}
	var err error
	if p.Facets, err = json.Marshal(c.Facets); err != nil {
		return fmt.Errorf("write the facets of %s: %w", c.ID, err)
	}
	if p.Findings, err = json.Marshal(c.Findings); err != nil {
		return fmt.Errorf("write the findings of %s: %w", c.ID, err)
	}
	if c.Eta != nil {
		if p.Eta, err = json.Marshal(c.Eta); err != nil {
			return fmt.Errorf("write the eta of %s: %w", c.ID, err)
		}
	}
	if news {
		p.Bump, c.UpdatedAt = 1, tx.Now
		c.Version++
	}
	n, err := s.q.SaveLife(ctx, tx, p)
	if err != nil {
		return fmt.Errorf("write %s: %w", c.ID, err)
	}
	if n != 1 {
		return fmt.Errorf("write %s: it is gone", c.ID)
	}
	return nil
}

// surroundings is what a transaction must know of a connection's application.
type surroundings struct {
	name            string
	live            bool // not for trying things out: its connections are counted
	byTarget        bool // the CNAME to the connection's own target proves ownership
	upstream        *application.Upstream
	hsts            int32
	rules           Rules // as its policy wants them
	companionStatus int32
}

func (s *Service) around(ctx context.Context, tx *db.Tx, c *Connection) (surroundings, error) {
	row, err := s.q.ApplicationOf(ctx, tx, connectionq.ApplicationOfParams{ID: c.ApplicationID.UUID(), OrgID: c.OrgID.UUID()})
	if err != nil {
		return surroundings{}, fmt.Errorf("read the application of %s: %w", c.ID, err)
	}
	a := surroundings{name: row.Name, live: application.Environment(row.Environment) == application.Live, byTarget: row.TargetTokenProof, hsts: row.HstsMaxAge, companionStatus: row.CompanionStatus, rules: s.rules().under(row)}
	if row.Upstream != nil {
		if err := json.Unmarshal(row.Upstream, &a.upstream); err != nil {
			return a, fmt.Errorf("read the upstream of %s: %w", c.ApplicationID, err)
		}
	}
	return a, nil
}
