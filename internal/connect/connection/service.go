package connection

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/check"
	"github.com/nameplate-dev/nameplate/internal/connect/claim"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/internal/connect/recipe"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/hostname"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/connectionq"

	"time"
)

// Applications reads an application, archived ones too, whoever asks: the caller was authorised for its organization. NOT_FOUND for an unknown id.
type Applications interface {
	Find(ctx context.Context, id ident.ApplicationID) (*application.Application, error)
	// CheckUpstream says where a connection's requests may be sent; its faults name fields below upstream.
	CheckUpstream(ctx context.Context, in application.UpstreamInput) (*application.Upstream, error)
}

// Recipes reads a version of a recipe. NOT_FOUND for an unknown id.
type Recipes interface {
	Find(ctx context.Context, id ident.RecipeID) (*recipe.Recipe, error)
}

// Edge is the projection that the edges serve from.
type Edge interface {
	Target(token string) string
	Challenge(token string) string
	TargetTx(ctx context.Context, tx *db.Tx, token string, connection ident.ConnectionID) error
	RetireTargetTx(ctx context.Context, tx *db.Tx, token string, answerUntil time.Time) error
	PutTx(ctx context.Context, tx *db.Tx, e edgeentry.Entry) error
	SuspendTx(ctx context.Context, tx *db.Tx, hostname string, connection ident.ConnectionID) error
	WithdrawTx(ctx context.Context, tx *db.Tx, hostname string, connection ident.ConnectionID) error
	DelegateTx(ctx context.Context, tx *db.Tx, apex, token string, connection ident.ConnectionID) error
	UndelegateTx(ctx context.Context, tx *db.Tx, apex, token string) (bool, error)
	MoveTx(ctx context.Context, tx *db.Tx, former ident.ConnectionID, e edgeentry.Entry) error
}

// Analyzer is the DNS engine. It answers within the budget of the question; that it could not ask is a verdict and no error.
type Analyzer interface {
	Analyze(ctx context.Context, q analysis.Question) (analysis.Answer, error)
}

// Catalogue knows the providers.
type Catalogue interface {
	BySlug(slug string) *provider.Provider
}

// Settings are those of the installation.
type Settings struct {
	EdgeZone       string
	EdgeV4, EdgeV6 []netip.Addr
	NameServers    []string // labels of those that answer for names that are handed over to us; empty where none do
	Hostnames      hostname.Policy
	Rules          Rules         // zero: Defaults
	Tombstone      time.Duration // how long an archived connection's target still answers; zero: 30 days
}

// Service is everything that is done with connections. Its fields are set by the assembly.
type Service struct {
	DB           *db.DB
	Door         *door.Door
	Authz        *authz.Authorizer
	Ledger       *event.Ledger
	Hub          *live.Hub
	Work         *work.Runner
	Applications Applications
	Recipes      Recipes
	Edge         Edge
	Analyzer     Analyzer
	Catalogue    Catalogue
	Records      *record.Store
	Claims       *claim.Claims
	Checks       *check.Store
	Limit        *limit.Limiter // nil: nothing is limited
	Settings     Settings

	q        connectionq.Queries
	watchers watchers
	reads    together
	owners   owners
	metrics  metrics
}

// Names of this package's due rows. Checks that come within seconds, because somebody waits, have a queue of their own: whatever is late in
// the other one, they are not.
const (
	checkQueue   = "check"
	routineQueue = "routine_check"
	timerQueue   = "connection_timer"
	checkKind    = "CHECK"
	timerKind    = "TIMER"
	tombstone    = 30 * 24 * time.Hour
)

// never is when a parked row is due. The row stays, so that its epoch never starts over.
var never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

func (s *Service) rules() Rules {
	if s.Settings.Rules == (Rules{}) {
		return Defaults
	}
	return s.Settings.Rules
}

// Own says whether the caller may touch the connection at all: a widget its own ones (the claimed connections, or those of its application's end
// user, and their companions), a narrowed key those of its application.
func Own(p authz.Principal, c *Connection) bool {
	if !p.ApplicationID.IsZero() && p.ApplicationID != c.ApplicationID {
		return false
	}
	if p.Kind != authz.WIDGET {
		return true
	}
	w := p.Widget
	if c.ApplicationID != w.ApplicationID || w.Hostname != "" && w.Hostname != c.Hostname && (c.CompanionOf == nil || w.Hostname != c.other()) {
		return false
	}
	return slices.Contains(w.ConnectionIDs, c.ID) || c.CompanionOf != nil && slices.Contains(w.ConnectionIDs, *c.CompanionOf) || w.EndUserRef != "" && c.EndUserRef != nil && *c.EndUserRef == w.EndUserRef
}

// reach reads a connection for a caller who has the permission on it. An unknown id, one of another organization and one that is not the caller's
// own are the same NOT_FOUND.
func (s *Service) reach(ctx context.Context, p authz.Permission, id ident.ConnectionID) (authz.Scope, *Connection, error) {
	return s.reachBy(ctx, p, id, s.read)
}

// reachBy is reach for who reads in another way.
func (s *Service) reachBy(ctx context.Context, p authz.Permission, id ident.ConnectionID, read reading) (authz.Scope, *Connection, error) {
	org, _, err := s.OrgOf(ctx, id)
	if err != nil && !fault.Is(err, fault.NotFoundCode) {
		return authz.Scope{}, nil, err
	}
	return s.reachIn(ctx, p, org, id, read)
}

// reachIn is reach for who knows whose the connection is: that never changes.
func (s *Service) reachIn(ctx context.Context, p authz.Permission, org ident.OrgID, id ident.ConnectionID, read reading) (authz.Scope, *Connection, error) {
	unknown := fault.NotFound("connection")
	scope, err := s.Authz.Authorize(ctx, p, org)
	if fault.Is(err, fault.NotFoundCode) || err == nil && org.IsZero() {
		return authz.Scope{}, nil, unknown
	} else if err != nil {
		return authz.Scope{}, nil, err
	}
	c, err := read(ctx, scope.Org(), id)
	if err != nil {
		return authz.Scope{}, nil, err
	}
	if c == nil || !Own(authz.From(ctx), c) {
		return authz.Scope{}, nil, unknown
	}
	return scope, c, nil
}

type reading func(context.Context, ident.OrgID, ident.ConnectionID) (*Connection, error)

// orgOf is reach for the door.
func orgOf[In any](s *Service, p authz.Permission, id func(In) ident.ConnectionID) func(context.Context, In) (ident.OrgID, error) {
	return func(ctx context.Context, in In) (ident.OrgID, error) {
		_, c, err := s.reach(ctx, p, id(in))
		if err != nil {
			return ident.OrgID{}, err
		}
		return c.OrgID, nil
	}
}

func same[T any](v T) T { return v }

// lock reads a connection for a change. Whoever locks other rows of it too (its due rows, the projection) locks this one first.
func (s *Service) lock(ctx context.Context, tx *db.Tx, org ident.OrgID, id ident.ConnectionID) (*Connection, error) {
	row, err := s.q.LockConnection(ctx, tx, connectionq.LockConnectionParams{ID: id.UUID(), OrgID: org.UUID()})
	if db.NotFound(err) {
		return nil, fault.NotFound("connection")
	} else if err != nil {
		return nil, fmt.Errorf("lock %s: %w", id, err)
	}
	return s.fromRow(&row.Connection)
}

// pokeWork wakes the check queue after the commit.
func (s *Service) pokeWork(e *door.Effect) {
	e.After(func() { s.Work.Poke(checkQueue) })
}

// urgent says that a check comes so soon that somebody waits for it.
func urgent(now, due time.Time) bool { return due.Sub(now) <= 10*time.Second }

// makeDue asks for a check at an instant; one that runs already serves.
func (s *Service) makeDue(ctx context.Context, e *door.Effect, c *Connection, at time.Time, trigger analysis.CheckTrigger) error {
	err := s.q.MakeDue(ctx, e.Tx, connectionq.MakeDueParams{ConnectionID: c.ID.UUID(), OrgID: c.OrgID.UUID(), Kind: checkKind, Trigger: string(trigger), DueAt: at, Urgent: urgent(e.Tx.Now, at), Now: e.Tx.Now})
	if err != nil {
		return fmt.Errorf("make a check of %s due: %w", c.ID, err)
	}
	c.NextCheckAt = &at
	s.pokeWork(e)
	return nil
}

func (s *Service) setDue(ctx context.Context, tx *db.Tx, c *Connection, kind string, at time.Time) error {
	err := s.q.SetDue(ctx, tx, connectionq.SetDueParams{ConnectionID: c.ID.UUID(), OrgID: c.OrgID.UUID(), Kind: kind, DueAt: at})
	if err != nil {
		return fmt.Errorf("set the %s row of %s: %w", kind, c.ID, err)
	}
	return nil
}

// noFit is the answer to a verb that does not fit the state.
func noFit(c *Connection, possible ...string) error {
	return fault.Precondition("state", "This does not fit the state of the domain.").With("state", string(c.State)).With("possible", possible)
}
