package certificate

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/certificateq"
)

const (
	queue       = "certificate"
	atOnce      = 64 // orders of this process: most of an order is waiting for the CA, which says itself how long
	turnMost    = 5 * time.Minute
	budgetsKept = 14 * 24 * time.Hour
	wantedEvery = time.Minute
)

// Part is what the subdomain contributes.
func (s *Service) Part() part.Part {
	s.measure()
	return part.Part{
		Name:      "certificate",
		Grants:    []authz.Grant{{Permission: "certificate.write", Roles: []authz.Role{authz.Member, authz.Owner}, What: "choose how certificates are validated, bring one"}},
		Readers:   []event.Reader{{Name: "certificate.order", Wants: wants, Apply: s.follow}},
		Queues:    []work.Queue{s.Queue()},
		Periodics: []work.Periodic{{Kind: "certificate.reap", Every: time.Minute, Do: s.reap}, {Kind: "certificate.foresee", Every: time.Minute, Do: s.foresee}},
		Runs:      []part.Run{{Name: "certificate.issuers", Run: s.Run}},
		Nodes: map[string]part.Finder{"crt": func(ctx context.Context, id ident.Any) (any, error) {
			crt, err := ident.As[ident.CertificateID](id, "id")
			if err != nil {
				return nil, err
			}
			c, err := s.Get(ctx, crt)
			if c == nil || err != nil {
				return nil, err
			}
			return c, nil
		}},
	}
}

// What happens to a connection that a certificate follows.
const (
	proven   = "connection.ownership_verified"
	archived = "connection.archived"
)

// moved are the events that a check of a connection writes: each says which facets moved.
var moved = []string{"connection.dns_verified", "connection.checked", "connection.analyzed", "connection.verifying", "connection.action_required", "connection.recovered"}

func wants(action string) bool {
	return action == proven || action == archived || slices.Contains(moved, action)
}

// follow makes a certificate due when its connection may have one, and ends its renewals with the connection. A name that has just been proven presents
// what there is already.
func (s *Service) follow(ctx context.Context, tx *db.Tx, r event.Row) error {
	con, err := ident.Parse[ident.ConnectionID](r.Subject)
	if err != nil {
		return fmt.Errorf("read the connection of %s: %w", r.Action, err)
	}
	if r.Action == archived {
		return s.end(ctx, tx, r, con)
	}
	if r.Action == proven {
		return s.presentTx(ctx, tx, r.OrgID, con)
	}
	if r.Action != "connection.dns_verified" {
		var m connection.Moved
		if err := json.Unmarshal(r.Payload, &m); err != nil {
			return fmt.Errorf("read the payload of %s: %w", r.ID, err)
		}
		if !slices.ContainsFunc(m.Facets, func(f connection.FacetMoved) bool { return f.Facet == "tls" && f.To == connection.Pending }) {
			return nil
		}
	}
	return s.orderTx(ctx, tx, r.OrgID, con)
}

// end is what the end of a connection means for its certificates.
func (s *Service) end(ctx context.Context, tx *db.Tx, r event.Row, con ident.ConnectionID) error {
	if err := s.q.ParkAll(ctx, tx, certificateq.ParkAllParams{ConnectionID: con.UUID(), OrgID: r.OrgID.UUID()}); err != nil {
		return fmt.Errorf("end the renewals of %s: %w", con, err)
	}
	var ended connection.Ended
	if err := json.Unmarshal(r.Payload, &ended); err != nil {
		return fmt.Errorf("read the payload of %s: %w", r.ID, err)
	}
	if !ended.RevokeCertificate {
		return nil
	}
	return s.revokeAllTx(ctx, tx, r.OrgID, con)
}

// presentTx gives the edges the certificate that a name has from before it was proven.
func (s *Service) presentTx(ctx context.Context, tx *db.Tx, org ident.OrgID, con ident.ConnectionID) error {
	_, imported, err := s.lockBoth(ctx, tx, org, con)
	if err != nil || imported == nil {
		return err
	}
	facts, err := s.q.OrgOfConnection(ctx, tx, certificateq.OrgOfConnectionParams{ID: con.UUID()})
	if err != nil {
		return fmt.Errorf("read the connection %s: %w", con, err)
	}
	return s.Edge.PresentTx(ctx, tx, facts.Hostname, con, ident.From[ident.CertificateID](imported.ID))
}

// orderTx is planTx for connections whose customer did not say that they want no certificate of ours.
func (s *Service) orderTx(ctx context.Context, tx *db.Tx, org ident.OrgID, con ident.ConnectionID) error {
	if _, imported, err := s.lockBoth(ctx, tx, org, con); err != nil || imported != nil && !imported.KeepFallback {
		return err
	}
	return s.planTx(ctx, tx, org, con)
}

// planTx makes the connection's certificate due, and its row where there is none. One that failed keeps its own pace; one that stands is due at its
// time, which may have been lost while the connection was suspended.
func (s *Service) planTx(ctx context.Context, tx *db.Tx, org ident.OrgID, con ident.ConnectionID) error {
	open := certificateq.LockOpenParams{ConnectionID: con.UUID(), OrgID: org.UUID()}
	row, err := s.q.LockOpen(ctx, tx, open)
	if db.NotFound(err) { // a row that is not there cannot be locked
		if err := s.q.LockPlan(ctx, tx, certificateq.LockPlanParams{ConnectionID: con.String()}); err != nil {
			return fmt.Errorf("plan a certificate for %s: %w", con, err)
		}
		row, err = s.q.LockOpen(ctx, tx, open)
	}
	switch {
	case db.NotFound(err):
		facts, err := s.q.OrgOfConnection(ctx, tx, certificateq.OrgOfConnectionParams{ID: con.UUID()})
		if err != nil {
			return fmt.Errorf("read the connection %s: %w", con, err)
		}
		if facts.Basic {
			return nil
		}
		first := ""
		if len(s.CAs) > 0 {
			first = s.CAs[0].Name
		}
		p := certificateq.AddCertificateParams{ID: ident.New[ident.CertificateID](tx.Now).UUID(), OrgID: org.UUID(), ConnectionID: con.UUID(), Names: []string{facts.Hostname}, Mode: facts.TlsMode, KeepFallback: true,
			Ca: first, Status: string(InCheck), DueAt: &tx.Now, Now: tx.Now}
		if err := s.q.AddCertificate(ctx, tx, p); err != nil {
			return fmt.Errorf("plan a certificate for %s: %w", con, err)
		}
	case err != nil:
		return fmt.Errorf("find the certificate of %s: %w", con, err)
	default:
		due := tx.Now
		if row.SealedKey != nil && row.RenewAt != nil && row.RenewAt.After(tx.Now) {
			due = *row.RenewAt
		}
		if row.DueAt != nil && (row.Failures > 0 || !row.DueAt.After(due)) || row.LeaseUntil != nil && row.LeaseUntil.After(tx.Now) {
			return nil
		}
		if err := s.q.SetDue(ctx, tx, certificateq.SetDueParams{ID: row.ID, OrgID: org.UUID(), DueAt: &due}); err != nil {
			return fmt.Errorf("make the certificate of %s due: %w", con, err)
		}
	}
	tx.AfterCommit(func() { s.Work.Poke(queue) })
	return nil
}

// Wanted makes a certificate due that an edge misses or that has expired. It does not block, and asks for one connection once a minute at most.
func (s *Service) Wanted(con ident.ConnectionID) {
	now := time.Now()
	if last, known := s.wanted.Load(con); known && now.Sub(last.(time.Time)) < wantedEvery {
		return
	}
	s.wanted.Store(con, now)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), readAccounts)
		defer cancel()
		facts, err := s.q.OrgOfConnection(ctx, s.DB, certificateq.OrgOfConnectionParams{ID: con.UUID()})
		if err == nil {
			err = s.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				return s.orderTx(ctx, tx, ident.From[ident.OrgID](facts.OrgID), con)
			})
		}
		if err != nil {
			s.log().Warn("a missing certificate could not be made due", "connection", con, "err", err)
		}
	}()
}

// Queue is the work on certificates.
func (s *Service) Queue() work.Queue {
	return work.Queue{
		Name: queue, Batch: atOnce, Concurrency: atOnce, Timeout: turnMost,
		Take: func(ctx context.Context, tx *db.Tx, owner string, until time.Time, n int32) ([]work.Claim, error) {
			rows, err := s.q.TakeDue(ctx, tx, certificateq.TakeDueParams{Owner: owner, Until: until, Now: tx.Now, Most: n})
			if err != nil {
				return nil, fmt.Errorf("take due certificates: %w", err)
			}
			claims := make([]work.Claim, len(rows))
			for n, r := range rows {
				claims[n] = work.Claim{ID: r.ID.String(), Epoch: r.Epoch}
			}
			return slices.Clip(claims), nil
		},
		ExtendAll: func(ctx context.Context, on work.Executor, until time.Time, all []work.Claim) ([]string, error) {
			p := certificateq.ExtendLeasesParams{Until: until}
			for _, c := range all {
				id, err := uuid.Parse(c.ID)
				if err != nil {
					return nil, err
				}
				p.Ids, p.Epochs = append(p.Ids, id), append(p.Epochs, c.Epoch)
			}
			ids, err := s.q.ExtendLeases(ctx, on, p)
			held := make([]string, len(ids))
			for n, id := range ids {
				held[n] = id.String()
			}
			return held, err
		},
		Next: func(ctx context.Context, on work.Executor) (time.Time, error) { return s.q.NextDue(ctx, on) },
		Run:  s.run,
	}
}

// reap forgets challenges of orders that died, and buckets that have long been full.
func (s *Service) reap(ctx context.Context) error {
	now := s.DB.Now()
	if _, err := s.q.DropOldChallenges(ctx, s.DB, certificateq.DropOldChallengesParams{Before: now}); err != nil {
		return fmt.Errorf("forget old challenges: %w", err)
	}
	if _, err := s.q.DropBudgets(ctx, s.DB, certificateq.DropBudgetsParams{Before: now.Add(-budgetsKept), Now: now}); err != nil {
		return fmt.Errorf("forget full budgets: %w", err)
	}
	return nil
}
