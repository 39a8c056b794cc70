package application

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/queries/applicationq"
)

// Seeder writes what every application has from its first moment, in the transaction that makes it.
type Seeder interface {
	SeedTx(ctx context.Context, tx *db.Tx, org ident.OrgID, app ident.ApplicationID) (ident.RecipeID, error)
}

// Connections is what archiving an application must know of its connections, and do to them.
type Connections interface {
	CountOpen(ctx context.Context, tx *db.Tx, org ident.OrgID, app ident.ApplicationID) (int64, error)
	ArchiveOfTx(ctx context.Context, e *door.Effect, app ident.ApplicationID) error
}

// Edge keeps what requests to an application's origin are signed with.
type Edge interface {
	RotateSecretTx(ctx context.Context, tx *db.Tx, org ident.OrgID, app ident.ApplicationID, overlap time.Duration) (fresh secret.String, previousUntil *time.Time, err error)
}

// Service is everything that is done with applications. Its fields are set by the assembly.
type Service struct {
	DB          *db.DB
	Door        *door.Door
	Authz       *authz.Authorizer
	Hub         *live.Hub
	Seeds       Seeder
	Connections Connections
	Edge        Edge
	Outside     safehttp.Options // how upstreams are checked
	Lab         bool             // loopback http is allowed for origins and upstreams
	OwnZones    []string         // below them names lead to our own edges

	q     applicationq.Queries
	mu    sync.Mutex
	known map[string]remembered
}

type remembered struct {
	app   *Application
	until time.Time
}

// Get reads an application for a caller with application.read on it.
func (s *Service) Get(ctx context.Context, id ident.ApplicationID) (*Application, error) {
	return s.reach(ctx, "application.read", id)
}

// reach reads an application for a caller who has the permission on it; unknown, foreign and outside a key's narrowing look alike.
func (s *Service) reach(ctx context.Context, p authz.Permission, id ident.ApplicationID) (*Application, error) {
	app, err := s.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	scope, err := s.Authz.Authorize(ctx, p, app.OrgID)
	if err != nil {
		return nil, err
	}
	if !scope.Covers(id) {
		return nil, fault.NotFound("application")
	}
	return app, nil
}

// Find reads an application, archived ones too, for a caller who was authorised for its organization. NOT_FOUND for an unknown id.
func (s *Service) Find(ctx context.Context, id ident.ApplicationID) (*Application, error) {
	r, err := s.q.OrgOfFound(ctx, s.DB, applicationq.OrgOfFoundParams{ID: id.UUID()})
	if db.NotFound(err) {
		return nil, fault.NotFound("application")
	} else if err != nil {
		return nil, fmt.Errorf("read the application %s: %w", id, err)
	}
	return fromRow(r)
}

// OrgOf says whose an application is.
func (s *Service) OrgOf(ctx context.Context, id ident.ApplicationID) (ident.OrgID, error) {
	u, err := s.q.OrgOfApplication(ctx, s.DB, applicationq.OrgOfApplicationParams{ID: id.UUID()})
	if db.NotFound(err) {
		return ident.OrgID{}, fault.NotFound("application")
	} else if err != nil {
		return ident.OrgID{}, fmt.Errorf("find the application %s: %w", id, err)
	}
	return ident.From[ident.OrgID](u), nil
}

// ByPublicKey reads the application that a page names; nil for an unknown key. What it remembers lives one second, so a change of the allowed
// origins is in force within one.
func (s *Service) ByPublicKey(ctx context.Context, key string) (*Application, error) {
	if len(key) != len(publicPrefix)+publicSize {
		return nil, nil
	}
	s.mu.Lock()
	r, hit := s.known[key]
	s.mu.Unlock()
	if hit && time.Now().Before(r.until) {
		return r.app, nil
	}
	row, err := s.q.OrgOfPublicKey(ctx, s.DB, applicationq.OrgOfPublicKeyParams{PublicKey: key})
	if err != nil && !db.NotFound(err) {
		return nil, fmt.Errorf("read an application by its public key: %w", err)
	}
	var app *Application
	if err == nil {
		if app, err = fromRow(row); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) > 10_000 {
		s.known = map[string]remembered{}
	}
	s.known[key] = remembered{app, time.Now().Add(time.Second)}
	return app, nil
}

// ByIDs reads applications of one organization; ids that are not its own are missing in the answer.
func (s *Service) ByIDs(ctx context.Context, org ident.OrgID, ids []ident.ApplicationID) (map[ident.ApplicationID]*Application, error) {
	list := make([]uuid.UUID, len(ids))
	for n, id := range ids {
		list[n] = id.UUID()
	}
	rows, err := s.q.ApplicationsByID(ctx, s.DB, applicationq.ApplicationsByIDParams{OrgID: org.UUID(), Ids: list})
	if err != nil {
		return nil, fmt.Errorf("read applications: %w", err)
	}
	out := map[ident.ApplicationID]*Application{}
	for _, r := range rows {
		app, err := fromRow(r)
		if err != nil {
			return nil, err
		}
		out[app.ID] = app
	}
	return out, nil
}

// List pages through the applications that are not archived, the newest first.
func (s *Service) List(ctx context.Context, org ident.OrgID, text *string, a page.Args) (*ApplicationPage, error) {
	scope, err := s.Authz.Authorize(ctx, "application.read", org)
	if err != nil {
		return nil, err
	}
	search, before, only := "", uuid.Max, scope.Application()
	if text != nil {
		search = *text
	}
	if a.After != nil {
		before = a.After.ID
	}
	rows, err := s.q.ListApplications(ctx, s.DB, applicationq.ListApplicationsParams{OrgID: scope.OrgUUID(), AnyID: only.IsZero(), One: only.UUID(), Search: search, Before: before, Most: int32(a.First + 1)})
	if err != nil {
		return nil, fmt.Errorf("list the applications: %w", err)
	}
	n, err := s.q.CountApplications(ctx, s.DB, applicationq.CountApplicationsParams{OrgID: scope.OrgUUID(), AnyID: only.IsZero(), One: only.UUID(), Search: search})
	if err != nil {
		return nil, fmt.Errorf("count the applications: %w", err)
	}
	apps := make([]*Application, len(rows))
	for i, r := range rows {
		if apps[i], err = fromRow(r); err != nil {
			return nil, err
		}
	}
	return new(page.Make(a, apps, new(int32(n)), at)), nil
}

func at(a *Application) page.Cursor { return page.Cursor{ID: a.ID.UUID()} }

func fromRow(r *applicationq.Application) (*Application, error) {
	a := &Application{ID: ident.From[ident.ApplicationID](r.ID), OrgID: ident.From[ident.OrgID](r.OrgID), Slug: r.Slug, Name: r.Name, Environment: Environment(r.Environment), Version: r.Version,
		PublicKey: r.PublicKey, AllowedOrigins: r.AllowedOrigins, OwnershipPolicy: OwnershipPolicy{TargetToken: r.TargetTokenProof, TxtRequired: r.TxtRequired},
		SubdomainRule: SubdomainRule(r.SubdomainRule), Wildcards: r.Wildcards, DefaultSubdomain: r.DefaultSubdomain, Companion: CompanionMode(r.Companion), CompanionStatus: r.CompanionStatus, HSTSMaxAge: r.HstsMaxAge, EdgeSecretAt: r.EdgeSecretAt, MonitorPolicyID: ident.FromPtr[ident.MonitorPolicyID](r.MonitorPolicyID), CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, ArchivedAt: r.ArchivedAt}
	if r.RecipeID != nil {
		a.RecipeID = ident.From[ident.RecipeID](*r.RecipeID)
	}
	if len(r.Upstream) > 0 {
		if err := json.Unmarshal(r.Upstream, &a.Upstream); err != nil {
			return nil, fmt.Errorf("read the upstream of %s: %w", a.ID, err)
		}
	}
	return a, nil
}

// Part is what applications contribute.
func (s *Service) Part() part.Part {
	all, owner := []authz.Role{authz.Member, authz.Owner, authz.BillingAdmin}, []authz.Role{authz.Owner}
	return part.Part{
		Name: "application",
		Grants: []authz.Grant{
			{Permission: "application.read", Roles: all, Widget: []string{"ANY"}, What: "see applications and recipes"},
			{Permission: "application.write", Roles: owner, What: "make and change applications"},
			{Permission: "application.archive", Roles: owner, What: "archive an application"},
		},
		Readers: []event.Reader{{Name: "application.first", Wants: func(action string) bool { return action == "organization.created" }, Apply: s.first}},
		Nodes: map[string]part.Finder{"app": func(ctx context.Context, a ident.Any) (any, error) {
			id, err := ident.As[ident.ApplicationID](a, "id")
			if err != nil {
				return nil, err
			}
			if authz.From(ctx).Kind == authz.WIDGET {
				return nil, fault.NotFound("application") // a page knows its application by widgetSession
			}
			return s.Get(ctx, id)
		}},
	}
}
