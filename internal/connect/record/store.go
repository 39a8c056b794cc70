package record

import (
	"context"
	"encoding/json"
	"fmt"

	fast "github.com/go-json-experiment/json" // a page decodes hundreds of columns
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/recordq"

	"github.com/google/uuid"
)

// Store keeps lines and conflicts. It authorises nobody: connection, whose lines they are, does.
type Store struct{ q recordq.Queries }

// sight is what was seen of a line, as the column observed keeps it.
type sight struct {
	Seen    []string        `json:"seen"`
	Servers []ObservedRRset `json:"servers"`
}

// AddTx writes the planned lines of a new connection.
func (s *Store) AddTx(ctx context.Context, tx *db.Tx, org ident.OrgID, con ident.ConnectionID, lines []Record) error {
	for _, r := range lines {
		err := s.q.AddRecord(ctx, tx, recordq.AddRecordParams{
			ID: ident.V7(tx.Now), OrgID: org.UUID(), ConnectionID: con.UUID(), Key: r.Key, Type: string(r.Type), Name: r.Name, Fqdn: r.FQDN, Value: r.Value, Ttl: r.TTL, Priority: r.Priority,
			Purpose: string(r.Purpose), Requirement: string(r.Requirement), GroupKey: r.Group, Position: r.Position, Now: tx.Now,
		})
		if err != nil {
			return fmt.Errorf("write the line %s of %s: %w", r.Key, con, err)
		}
	}
	return nil
}

// ReplaceTx writes other lines in the place of all that a connection has.
func (s *Store) ReplaceTx(ctx context.Context, tx *db.Tx, org ident.OrgID, con ident.ConnectionID, lines []Record) error {
	if _, err := s.q.DropRecords(ctx, tx, recordq.DropRecordsParams{ConnectionID: con.UUID(), OrgID: org.UUID()}); err != nil {
		return fmt.Errorf("drop the lines of %s: %w", con, err)
	}
	return s.AddTx(ctx, tx, org, con, lines)
}

// DropTx takes a line away that is not asked for any more.
func (s *Store) DropTx(ctx context.Context, tx *db.Tx, org ident.OrgID, con ident.ConnectionID, key string) error {
	if _, err := s.q.DropRecord(ctx, tx, recordq.DropRecordParams{ConnectionID: con.UUID(), OrgID: org.UUID(), Key: key}); err != nil {
		return fmt.Errorf("drop the line %s of %s: %w", key, con, err)
	}
	return nil
}

// SaveTx writes what Match changed.
func (s *Store) SaveTx(ctx context.Context, tx *db.Tx, org ident.OrgID, lines []*Record) error {
	for _, r := range lines {
		observed, err := json.Marshal(sight{r.Seen, r.Observed})
		if err != nil {
			return fmt.Errorf("write what was seen of %s: %w", r.ID, err)
		}
		var wrong []byte
		if r.Finding != nil {
			if wrong, err = json.Marshal(r.Finding); err != nil {
				return fmt.Errorf("write the finding of %s: %w", r.ID, err)
			}
		}
		p := recordq.SaveRecordParams{ID: r.ID.UUID(), OrgID: org.UUID(), Status: string(r.Status), StatusSince: r.StatusSince, Observed: observed, Finding: wrong,
			Writer: (*string)(r.Writer), FirstSeenAt: r.FirstSeenAt, EtaAt: r.EtaAt}
		if r.Servers != nil {
			p.ServersHave, p.ServersOf = r.Servers.Have, r.Servers.Of
		}
		if err := s.q.SaveRecord(ctx, tx, p); err != nil {
			return fmt.Errorf("write the line %s: %w", r.ID, err)
		}
	}
	return nil
}

// Of reads the lines of connections of one organization, in the order of their recipe.
func (s *Store) Of(ctx context.Context, on recordq.DBTX, org ident.OrgID, cons ...ident.ConnectionID) (map[ident.ConnectionID][]*Record, error) {
	var rows []*recordq.Record
	var err error
	if len(cons) == 1 {
		rows, err = s.q.RecordsOfOne(ctx, on, recordq.RecordsOfOneParams{ConnectionID: cons[0].UUID(), OrgID: org.UUID()})
	} else {
		rows, err = s.q.RecordsOf(ctx, on, recordq.RecordsOfParams{ConnectionIds: uuids(cons), OrgID: org.UUID()})
	}
	if err != nil {
		return nil, fmt.Errorf("read the lines of %d connections: %w", len(cons), err)
	}
	out := map[ident.ConnectionID][]*Record{}
	for _, row := range rows {
		r, err := fromRow(row)
		if err != nil {
			return nil, err
		}
		out[r.ConnectionID] = append(out[r.ConnectionID], r)
	}
	return out, nil
}

// Get reads one line; nil when there is none.
func (s *Store) Get(ctx context.Context, on recordq.DBTX, org ident.OrgID, id ident.RecordID) (*Record, error) {
	rows, err := s.q.RecordsByIDs(ctx, on, recordq.RecordsByIDsParams{Ids: []uuid.UUID{id.UUID()}, OrgID: org.UUID()})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return fromRow(rows[0])
}

// OrgOf says whose a line is; see RU-7.
func (s *Store) OrgOf(ctx context.Context, on recordq.DBTX, id ident.RecordID) (ident.OrgID, ident.ConnectionID, error) {
	row, err := s.q.OrgOfRecord(ctx, on, recordq.OrgOfRecordParams{ID: id.UUID()})
	if err != nil {
		return ident.OrgID{}, ident.ConnectionID{}, err
	}
	return ident.From[ident.OrgID](row.OrgID), ident.From[ident.ConnectionID](row.ConnectionID), nil
}

func fromRow(row *recordq.Record) (*Record, error) {
	r := &Record{
		ID: ident.From[ident.RecordID](row.ID), OrgID: ident.From[ident.OrgID](row.OrgID), ConnectionID: ident.From[ident.ConnectionID](row.ConnectionID), Key: row.Key,
		Type: RecordType(row.Type), Purpose: RecordPurpose(row.Purpose), Requirement: Requirement(row.Requirement), Group: row.GroupKey, Name: row.Name, FQDN: row.Fqdn, Value: row.Value,
		TTL: row.Ttl, Priority: row.Priority, Position: row.Position, Status: RecordStatus(row.Status), StatusSince: row.StatusSince, Observed: []ObservedRRset{},
		Writer: (*RecordWriter)(row.Writer), AppliedAt: row.AppliedAt, FirstSeenAt: row.FirstSeenAt, EtaAt: row.EtaAt,
	}
	if row.ServersOf > 0 {
		r.Servers = &analysis.Ratio{Have: row.ServersHave, Of: row.ServersOf}
	}
	if string(row.Observed) != "[]" { // the column's default: nobody has looked yet
		var seen sight
		if err := fast.Unmarshal(row.Observed, &seen); err != nil {
			return nil, fmt.Errorf("read what was seen of %s: %w", r.ID, err)
		}
		r.Seen, r.Observed = seen.Seen, append(r.Observed, seen.Servers...)
	}
	if row.Finding != nil {
		r.Finding = new(finding.Finding)
		if err := fast.Unmarshal(row.Finding, r.Finding); err != nil {
			return nil, fmt.Errorf("read the finding of %s: %w", r.ID, err)
		}
	}
	return r, nil
}

func uuids(ids []ident.ConnectionID) []uuid.UUID {
	out := make([]uuid.UUID, len(ids))
	for n, id := range ids {
		out[n] = id.UUID()
	}
	return out
}
