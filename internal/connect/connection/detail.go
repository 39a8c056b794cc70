package connection

import (
	"context"
	"fmt"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/check"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// What hangs below a connection. The functions that take connections expect ones that Get, List, ByIDs or Watch answered to this caller: these have
// been authorised.

// RecordsOf reads the lines of connections, each as its provider wants it typed.
func (s *Service) RecordsOf(ctx context.Context, cons []*Connection) ([][]*record.Record, error) {
	out := make([][]*record.Record, len(cons))
	for org, of := range byOrg(cons) {
		lines, err := s.Records.Of(ctx, s.DB, org, of...)
		if err != nil {
			return nil, err
		}
		for n, c := range cons {
			if c.OrgID == org {
				out[n] = append([]*record.Record{}, lines[c.ID]...)
				record.Present(out[n], s.view(ctx, c))
			}
		}
	}
	return out, nil
}

// ConflictsOf reads the open conflicts of connections.
func (s *Service) ConflictsOf(ctx context.Context, cons []*Connection) ([][]*record.Conflict, error) {
	out := make([][]*record.Conflict, len(cons))
	for org, of := range byOrg(cons) {
		all, err := s.Records.ConflictsOf(ctx, s.DB, org, of...)
		if err != nil {
			return nil, err
		}
		for n, c := range cons {
			if c.OrgID == org {
				out[n] = append([]*record.Conflict{}, all[c.ID]...)
			}
		}
	}
	return out, nil
}

// VerificationRecordOf is the line that proves ownership, nil when none is asked for.
func (s *Service) VerificationRecordOf(ctx context.Context, c *Connection) (*record.Record, error) {
	lines, err := s.RecordsOf(ctx, []*Connection{c})
	if err != nil {
		return nil, err
	}
	for _, r := range lines[0] {
		if r.Purpose == record.Ownership {
			return r, nil
		}
	}
	return nil, nil
}

// DiffOf says what has to change in the zone, and what stays.
func (s *Service) DiffOf(ctx context.Context, c *Connection) (*record.DnsDiff, error) {
	lines, err := s.RecordsOf(ctx, []*Connection{c})
	if err != nil {
		return nil, err
	}
	conflicts, err := s.ConflictsOf(ctx, []*Connection{c})
	if err != nil {
		return nil, err
	}
	return new(record.Diff(lines[0], conflicts[0], s.view(ctx, c))), nil
}

// ProviderOf is who runs the domain's DNS, nil when we do not know.
func (s *Service) ProviderOf(c *Connection) *provider.Provider {
	if c.ProviderSlug == nil || s.Catalogue == nil {
		return nil
	}
	return s.Catalogue.BySlug(*c.ProviderSlug)
}

func (s *Service) view(ctx context.Context, c *Connection) record.View {
	v := record.View{Zone: c.RegistrableDomain, Locale: authz.From(ctx).Locale, Now: s.DB.Now()}
	if c.ZoneApex != nil {
		v.Zone = *c.ZoneApex
	}
	if p := s.ProviderOf(c); p != nil {
		v.Dialect = &p.Dialect
	}
	return v
}

// ChecksOf is a page of a connection's checks, newest first.
func (s *Service) ChecksOf(ctx context.Context, c *Connection, first *int32, after *string) (*check.DnsCheckPage, error) {
	args, err := page.Read(first, after, 20)
	if err != nil {
		return nil, err
	}
	list, err := s.Checks.List(ctx, s.DB, c.OrgID, c.ID, args)
	return &list, err
}

// LastChecksOf reads the newest check of each connection; nil where there was none.
func (s *Service) LastChecksOf(ctx context.Context, cons []*Connection) ([]*check.DnsCheck, error) {
	out := make([]*check.DnsCheck, len(cons))
	for org, of := range byOrg(cons) {
		last, err := s.Checks.Last(ctx, s.DB, org, of...)
		if err != nil {
			return nil, err
		}
		for n, c := range cons {
			if c.OrgID == org {
				out[n] = last[c.ID]
			}
		}
	}
	return out, nil
}

// GetCheck reads a check of a connection that the caller may see.
func (s *Service) GetCheck(ctx context.Context, id ident.CheckID) (*check.DnsCheck, error) {
	unknown := fault.NotFound("check")
	_, con, err := s.Checks.OrgOf(ctx, s.DB, id)
	if err != nil && !db.NotFound(err) {
		return nil, fmt.Errorf("read whose %s is: %w", id, err)
	}
	_, c, err := s.reach(ctx, "connection.read", con)
	if fault.Is(err, fault.NotFoundCode) {
		return nil, unknown
	} else if err != nil {
		return nil, err
	}
	found, err := s.Checks.Get(ctx, s.DB, c.OrgID, id)
	if err == nil && found == nil {
		err = unknown
	}
	return found, err
}

// ObservationsOf reads what the servers answered in checks of one organization.
func (s *Service) ObservationsOf(ctx context.Context, checks []*check.DnsCheck) ([][]*analysis.Observation, error) {
	out := make([][]*analysis.Observation, len(checks))
	byOrg := map[ident.OrgID][]ident.CheckID{}
	for _, c := range checks {
		byOrg[c.OrgID] = append(byOrg[c.OrgID], c.ID)
	}
	for org, ids := range byOrg {
		all, err := s.Checks.Observations(ctx, s.DB, org, ids...)
		if err != nil {
			return nil, err
		}
		for n, c := range checks {
			if c.OrgID == org {
				out[n] = append([]*analysis.Observation{}, all[c.ID]...)
			}
		}
	}
	return out, nil
}

// GetRecord, GetConflict and GetObservation find what node(id:) asks for; the caller may see what hangs below a connection that they may see.

func (s *Service) GetRecord(ctx context.Context, id ident.RecordID) (*record.Record, error) {
	_, con, err := s.Records.OrgOf(ctx, s.DB, id)
	c, err := s.below(ctx, con, err, "record")
	if err != nil {
		return nil, err
	}
	r, err := s.Records.Get(ctx, s.DB, c.OrgID, id)
	if err != nil || r == nil {
		return nil, cmpErr(err, fault.NotFound("record"))
	}
	record.Present([]*record.Record{r}, s.view(ctx, c))
	return r, nil
}

func (s *Service) GetConflict(ctx context.Context, id ident.ConflictID) (*record.Conflict, error) {
	_, con, err := s.Records.OrgOfConflict(ctx, s.DB, id)
	c, err := s.below(ctx, con, err, "conflict")
	if err != nil {
		return nil, err
	}
	found, err := s.Records.Conflict(ctx, s.DB, c.OrgID, id)
	if err == nil && found == nil {
		err = fault.NotFound("conflict")
	}
	return found, err
}

func (s *Service) GetObservation(ctx context.Context, id ident.ObservationID) (*analysis.Observation, error) {
	_, con, err := s.Checks.OrgOfObservation(ctx, s.DB, id)
	c, err := s.below(ctx, con, err, "observation")
	if err != nil {
		return nil, err
	}
	found, err := s.Checks.Observation(ctx, s.DB, c.OrgID, id)
	if err == nil && found == nil {
		err = fault.NotFound("observation")
	}
	return found, err
}

// below reaches the connection that something belongs to.
func (s *Service) below(ctx context.Context, con ident.ConnectionID, lookup error, noun string) (*Connection, error) {
	if lookup != nil && !db.NotFound(lookup) {
		return nil, fmt.Errorf("read whose %s it is: %w", noun, lookup)
	}
	_, c, err := s.reach(ctx, "connection.read", con)
	if fault.Is(err, fault.NotFoundCode) {
		return nil, fault.NotFound(noun)
	}
	return c, err
}

func byOrg(cons []*Connection) map[ident.OrgID][]ident.ConnectionID {
	out := map[ident.OrgID][]ident.ConnectionID{}
	for _, c := range cons {
		out[c.OrgID] = append(out[c.OrgID], c.ID)
	}
	return out
}
