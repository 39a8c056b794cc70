package check

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/checkq"
)

// newest is above every id.
var newest = uuid.Max

func (s *Store) addObservations(ctx context.Context, tx *db.Tx, id ident.CheckID, org ident.OrgID, all []analysis.Observation) error {
	rows := make([]checkq.AddObservationsParams, len(all))
	for n, o := range all {
		at := o.At
		if at.IsZero() {
			at = tx.Now
		}
		oid := o.ID
		if oid.IsZero() {
			oid = ident.New[ident.ObservationID](at)
		}
		rows[n] = checkq.AddObservationsParams{
			ID: oid.UUID(), CheckID: id.UUID(), OrgID: new(org.UUID()), At: at, SourceKind: string(o.SourceKind), Source: o.Source, Family: int16(o.Family), Rtype: o.Type, Name: o.Name,
			Data: append([]string{}, o.Values...), Ttl: o.TTL, Rcode: o.Rcode, Aa: o.Authoritative, Ad: o.Authenticated, ElapsedUs: o.ElapsedUs, Error: o.Error,
		}
	}
	if _, err := s.q.AddObservations(ctx, tx, rows); err != nil {
		return fmt.Errorf("store %d observations: %w", len(rows), err)
	}
	return nil
}

// Observations reads what the servers answered in these checks.
func (s *Store) Observations(ctx context.Context, on checkq.DBTX, org ident.OrgID, checks ...ident.CheckID) (map[ident.CheckID][]*analysis.Observation, error) {
	p := checkq.ObservationsOfParams{OrgID: org.UUID()}
	for _, c := range checks {
		p.CheckIds = append(p.CheckIds, c.UUID())
	}
	rows, err := s.q.ObservationsOf(ctx, on, p)
	if err != nil {
		return nil, fmt.Errorf("read the observations of %d checks: %w", len(checks), err)
	}
	out := map[ident.CheckID][]*analysis.Observation{}
	for _, row := range rows {
		c := ident.From[ident.CheckID](row.CheckID)
		out[c] = append(out[c], observationFromRow(row))
	}
	return out, nil
}

// Observation reads one; nil when the organization has none with this id.
func (s *Store) Observation(ctx context.Context, on checkq.DBTX, org ident.OrgID, id ident.ObservationID) (*analysis.Observation, error) {
	rows, err := s.q.ObservationsByIDs(ctx, on, checkq.ObservationsByIDsParams{Ids: []uuid.UUID{id.UUID()}, OrgID: org.UUID()})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return observationFromRow(rows[0]), nil
}

// OrgOfObservation says whose an observation is; see RU-7.
func (s *Store) OrgOfObservation(ctx context.Context, on checkq.DBTX, id ident.ObservationID) (ident.OrgID, ident.ConnectionID, error) {
	row, err := s.q.OrgOfObservation(ctx, on, checkq.OrgOfObservationParams{ID: id.UUID()})
	if err != nil {
		return ident.OrgID{}, ident.ConnectionID{}, err
	}
	return orgOf(row.OrgID), connectionOf(row.ConnectionID), nil
}

func observationFromRow(row *checkq.Observation) *analysis.Observation {
	return &analysis.Observation{
		ID: ident.From[ident.ObservationID](row.ID), At: row.At, SourceKind: analysis.SourceKind(row.SourceKind), Source: row.Source, Family: int32(row.Family), Type: row.Rtype, Name: row.Name,
		Values: row.Data, TTL: row.Ttl, Rcode: row.Rcode, Authoritative: row.Aa, Authenticated: row.Ad, ElapsedUs: row.ElapsedUs, Error: row.Error,
	}
}

func orgOf(u *uuid.UUID) ident.OrgID {
	if u == nil {
		return ident.OrgID{}
	}
	return ident.From[ident.OrgID](*u)
}

func connectionOf(u *uuid.UUID) ident.ConnectionID {
	if u == nil {
		return ident.ConnectionID{}
	}
	return ident.From[ident.ConnectionID](*u)
}
