package record

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/recordq"
)

// SeeTx writes the conflicts that a full check saw and closes those that it no longer sees. It answers whether one appeared or went away.
func (s *Store) SeeTx(ctx context.Context, tx *db.Tx, org ident.OrgID, con ident.ConnectionID, seen []analysis.ConflictSeen) (bool, error) {
	news, ids := false, []uuid.UUID{}
	for _, c := range seen {
		row, err := s.q.SeeConflict(ctx, tx, recordq.SeeConflictParams{
			ID: ident.V7(tx.Now), OrgID: org.UUID(), ConnectionID: con.UUID(), Kind: c.Kind, Severity: string(c.Severity), Name: c.Name, Type: c.Type,
			Existing: append([]string{}, c.Existing...), Desired: c.Desired, Choices: append([]string{}, c.Choices...), Now: tx.Now,
		})
		if err != nil {
			return false, fmt.Errorf("write the conflict %s at %s: %w", c.Kind, c.Name, err)
		}
		news, ids = news || row.New, append(ids, row.ID)
	}
	n, err := s.q.CloseConflicts(ctx, tx, recordq.CloseConflictsParams{ConnectionID: con.UUID(), OrgID: org.UUID(), Now: tx.Now, Seen: ids})
	if err != nil {
		return false, fmt.Errorf("close the conflicts of %s: %w", con, err)
	}
	return news || n > 0, nil
}

// ResolveTx notes what the person chose. False: the conflict is over by now.
func (s *Store) ResolveTx(ctx context.Context, tx *db.Tx, org ident.OrgID, id ident.ConflictID, choice Resolution) (bool, error) {
	n, err := s.q.ResolveConflict(ctx, tx, recordq.ResolveConflictParams{ID: id.UUID(), OrgID: org.UUID(), Resolution: string(choice)})
	if err != nil {
		return false, fmt.Errorf("note the choice for %s: %w", id, err)
	}
	return n == 1, nil
}

// ConflictsOf reads the open conflicts of connections of one organization.
func (s *Store) ConflictsOf(ctx context.Context, on recordq.DBTX, org ident.OrgID, cons ...ident.ConnectionID) (map[ident.ConnectionID][]*Conflict, error) {
	rows, err := s.q.ConflictsOf(ctx, on, recordq.ConflictsOfParams{ConnectionIds: uuids(cons), OrgID: org.UUID()})
	if err != nil {
		return nil, fmt.Errorf("read the conflicts of %d connections: %w", len(cons), err)
	}
	out := map[ident.ConnectionID][]*Conflict{}
	for _, row := range rows {
		c := conflictFromRow(row)
		out[c.ConnectionID] = append(out[c.ConnectionID], c)
	}
	return out, nil
}

// Conflict reads one; nil when there is none.
func (s *Store) Conflict(ctx context.Context, on recordq.DBTX, org ident.OrgID, id ident.ConflictID) (*Conflict, error) {
	rows, err := s.q.ConflictsByIDs(ctx, on, recordq.ConflictsByIDsParams{Ids: []uuid.UUID{id.UUID()}, OrgID: org.UUID()})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return conflictFromRow(rows[0]), nil
}

// OrgOfConflict says whose a conflict is; see RU-7.
func (s *Store) OrgOfConflict(ctx context.Context, on recordq.DBTX, id ident.ConflictID) (ident.OrgID, ident.ConnectionID, error) {
	row, err := s.q.OrgOfConflict(ctx, on, recordq.OrgOfConflictParams{ID: id.UUID()})
	if err != nil {
		return ident.OrgID{}, ident.ConnectionID{}, err
	}
	return ident.From[ident.OrgID](row.OrgID), ident.From[ident.ConnectionID](row.ConnectionID), nil
}

func conflictFromRow(row *recordq.Conflict) *Conflict {
	c := &Conflict{
		ID: ident.From[ident.ConflictID](row.ID), OrgID: ident.From[ident.OrgID](row.OrgID), ConnectionID: ident.From[ident.ConnectionID](row.ConnectionID), Kind: row.Kind,
		Severity: finding.FindingSeverity(row.Severity), Name: row.Name, Type: RecordType(row.Type), Existing: row.Existing, Desired: row.Desired, Resolution: (*Resolution)(row.Resolution),
		Choices: []Resolution{}, SeenAt: row.SeenAt, ResolvedAt: row.ResolvedAt,
	}
	for _, choice := range row.Choices {
		c.Choices = append(c.Choices, Resolution(choice))
	}
	return c
}
