// Package check keeps the evidence: every analysis of a connection's name, and what each server answered.
//
// Rows are only added, in the transaction of the change that they prove. The answers of single servers are kept when something changed or a person
// asked; the check itself always. Nothing here decides anything.
package check

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	fast "github.com/go-json-experiment/json" // a page decodes hundreds of columns
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/queries/checkq"
)

// DnsCheck is one analysis run.
type DnsCheck struct {
	ID           ident.CheckID
	OrgID        ident.OrgID
	ConnectionID ident.ConnectionID
	Hostname     string
	Trigger      analysis.CheckTrigger
	StartedAt    time.Time
	FinishedAt   *time.Time
	Verdict      *analysis.CheckVerdict
	Findings     []finding.Finding
	Zone         *analysis.ZoneView
	Provider     *provider.ProviderMatch
	Resolvers    []analysis.ResolverView
	Caa          *analysis.CaaView
	Dnssec       analysis.DnssecState
	Probe        []analysis.ProbeResult
	EtaSeconds   *int32
	DurationMs   *int32
	Queries      int32
	Changed      bool
}

func (*DnsCheck) IsNode() {}

type (
	DnsCheckPage = page.Of[*DnsCheck]
	DnsCheckEdge = page.Edge[*DnsCheck]
)

// Of says whose evidence is stored, and why it was collected.
type Of struct {
	Org         ident.OrgID
	Application ident.ApplicationID
	Connection  ident.ConnectionID
	Trigger     analysis.CheckTrigger
	Changed     bool // something moved, or a person asked: the observations are kept
}

// Providers finds a row of the catalogue by its slug; nil for an unknown one.
type Providers interface {
	BySlug(slug string) *provider.Provider
}

// Store keeps checks. It authorises nobody: connection, whose checks they are, does.
type Store struct {
	Providers Providers
	q         checkq.Queries
}

// match is a provider match as it is kept: the catalogue's row by its slug.
type match struct {
	Slug       string                      `json:"slug,omitempty"`
	Confidence float64                     `json:"confidence"`
	Evidence   []provider.ProviderEvidence `json:"evidence"`
	Mixed      bool                        `json:"mixed"`
	// DomainConnect is what was offered for the zone at that moment.
	DomainConnect *provider.DomainConnectSupport `json:"domainConnect,omitempty"`
}

// AddTx stores an answer under id.
func (s *Store) AddTx(ctx context.Context, tx *db.Tx, id ident.CheckID, of Of, a *analysis.Answer) error {
	m := match{Confidence: a.Provider.Confidence, Evidence: a.Provider.Evidence, Mixed: a.Provider.Mixed, DomainConnect: a.Provider.DomainConnect}
	if a.Provider.Provider != nil {
		m.Slug = a.Provider.Provider.Slug
	}
	p := checkq.AddCheckParams{
		ID: id.UUID(), OrgID: new(of.Org.UUID()), ApplicationID: new(of.Application.UUID()), ConnectionID: new(of.Connection.UUID()), Hostname: a.Hostname, Trigger: string(of.Trigger),
		StartedAt: a.StartedAt, FinishedAt: &a.FinishedAt, Verdict: new(string(a.Verdict)), DurationMs: new(int32(a.Duration().Milliseconds())), Queries: new(int32(a.Questions)), Changed: of.Changed,
	}
	if a.Dnssec != "" {
		p.Dnssec = new(string(a.Dnssec))
	}
	if a.Eta != nil {
		p.EtaSeconds = &a.Eta.Seconds
	}
	for _, part := range []struct {
		into  *[]byte
		value any
		none  bool
	}{
		{&p.Findings, list(a.Findings), false}, {&p.Zone, a.Zone, a.Zone == nil}, {&p.Provider, m, false}, {&p.Resolvers, list(a.Resolvers), false}, {&p.Caa, a.Caa, a.Caa == nil}, {&p.Probe, list(a.Probes), false},
	} {
		if part.none {
			continue
		}
		raw, err := json.Marshal(part.value)
		if err != nil {
			return fmt.Errorf("write the check of %s: %w", a.Hostname, err)
		}
		*part.into = raw
	}
	if err := s.q.AddCheck(ctx, tx, p); err != nil {
		return fmt.Errorf("store the check of %s: %w", a.Hostname, err)
	}
	if !of.Changed {
		return nil
	}
	return s.addObservations(ctx, tx, id, of.Org, a.Observations)
}

func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// Get reads one check; nil when the organization has none with this id.
func (s *Store) Get(ctx context.Context, on checkq.DBTX, org ident.OrgID, id ident.CheckID) (*DnsCheck, error) {
	row, err := s.q.CheckByID(ctx, on, checkq.CheckByIDParams{ID: id.UUID(), OrgID: org.UUID()})
	if db.NotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read the check %s: %w", id, err)
	}
	return s.fromRow(row)
}

// OrgOf says whose a check is; see RU-7.
func (s *Store) OrgOf(ctx context.Context, on checkq.DBTX, id ident.CheckID) (ident.OrgID, ident.ConnectionID, error) {
	row, err := s.q.OrgOfCheck(ctx, on, checkq.OrgOfCheckParams{ID: id.UUID()})
	if err != nil {
		return ident.OrgID{}, ident.ConnectionID{}, err
	}
	return orgOf(row.OrgID), connectionOf(row.ConnectionID), nil
}

// List is a page of a connection's checks, newest first.
func (s *Store) List(ctx context.Context, on checkq.DBTX, org ident.OrgID, con ident.ConnectionID, args page.Args) (DnsCheckPage, error) {
	p := checkq.ChecksOfParams{ConnectionID: con.UUID(), OrgID: org.UUID(), Before: newest, Most: int32(args.First + 1)}
	if args.After != nil {
		p.Before = args.After.ID
	}
	rows, err := s.q.ChecksOf(ctx, on, p)
	if err != nil {
		return DnsCheckPage{}, fmt.Errorf("read the checks of %s: %w", con, err)
	}
	total, err := s.q.CountChecks(ctx, on, checkq.CountChecksParams{ConnectionID: con.UUID(), OrgID: org.UUID()})
	if err != nil {
		return DnsCheckPage{}, fmt.Errorf("count the checks of %s: %w", con, err)
	}
	checks := make([]*DnsCheck, len(rows))
	for n, row := range rows {
		if checks[n], err = s.fromRow(row); err != nil {
			return DnsCheckPage{}, err
		}
	}
	return page.Make(args, checks, &total, func(c *DnsCheck) page.Cursor { return page.Cursor{ID: c.ID.UUID()} }), nil
}

// Last reads the newest check of each connection.
func (s *Store) Last(ctx context.Context, on checkq.DBTX, org ident.OrgID, cons ...ident.ConnectionID) (map[ident.ConnectionID]*DnsCheck, error) {
	p := checkq.LastChecksParams{OrgID: org.UUID()}
	for _, c := range cons {
		p.ConnectionIds = append(p.ConnectionIds, c.UUID())
	}
	rows, err := s.q.LastChecks(ctx, on, p)
	if err != nil {
		return nil, fmt.Errorf("read the last checks of %d connections: %w", len(cons), err)
	}
	out := map[ident.ConnectionID]*DnsCheck{}
	for _, row := range rows {
		c, err := s.fromRow(row)
		if err != nil {
			return nil, err
		}
		out[c.ConnectionID] = c
	}
	return out, nil
}

func (s *Store) fromRow(row *checkq.DnsCheck) (*DnsCheck, error) {
	c := &DnsCheck{
		ID: ident.From[ident.CheckID](row.ID), OrgID: orgOf(row.OrgID), ConnectionID: connectionOf(row.ConnectionID), Hostname: row.Hostname,
		Trigger: analysis.CheckTrigger(row.Trigger), StartedAt: row.StartedAt, FinishedAt: row.FinishedAt, Verdict: (*analysis.CheckVerdict)(row.Verdict), EtaSeconds: row.EtaSeconds,
		DurationMs: row.DurationMs, Changed: row.Changed, Dnssec: analysis.DnssecUnknown, Findings: []finding.Finding{}, Resolvers: []analysis.ResolverView{}, Probe: []analysis.ProbeResult{},
	}
	if row.Queries != nil {
		c.Queries = *row.Queries
	}
	if row.Dnssec != nil {
		c.Dnssec = analysis.DnssecState(*row.Dnssec)
	}
	var m *match
	for _, part := range []struct {
		raw  []byte
		into any
	}{{row.Findings, &c.Findings}, {row.Zone, &c.Zone}, {row.Provider, &m}, {row.Resolvers, &c.Resolvers}, {row.Caa, &c.Caa}, {row.Probe, &c.Probe}} {
		if part.raw == nil {
			continue
		}
		if err := fast.Unmarshal(part.raw, part.into); err != nil {
			return nil, fmt.Errorf("read the check %s: %w", c.ID, err)
		}
	}
	if m != nil {
		c.Provider = &provider.ProviderMatch{Confidence: m.Confidence, Evidence: list(m.Evidence), Mixed: m.Mixed, DomainConnect: m.DomainConnect}
		if m.Slug != "" && s.Providers != nil {
			c.Provider.Provider = s.Providers.BySlug(m.Slug)
		}
	}
	return c, nil
}
