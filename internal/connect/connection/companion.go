package connection

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/recipe"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/hostname"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/connectionq"
)

// A domain and its www belong together in people's heads and nowhere else. Whoever connects one of them can take the other along: its companion, which leads
// visitors on to the name that was connected, path and query kept (ED-12).
//
// A companion is a connection of its own with another end: it has a target, records, a claim, checks and a certificate like any other, so a name is proven
// before it leads anywhere, and what befalls it is its own matter and never the main name's. It is not counted, ends with its main connection, and has no
// companion itself. Leading begins when both names are proven and the main one has its certificate; the edge looks at both entries for every request.
//
// A companion's id is greater than its main connection's (the table says so), and rows are locked in the order of ids: first the main one, then the companion.

// Companion is the other name of a connection's pair.
type Companion struct {
	Hostname    string
	UnicodeName string
	Mode        application.CompanionMode // which of the two visitors end at
	RedirectTo  string
	Redirecting bool        // both are proven, have certificates and are served
	Connection  *Connection // nil: it is offered and was not taken along
}

// other is the name people confuse this one with: www for a domain, the domain for its www, else "".
func (c *Connection) other() string {
	switch {
	case c.IsWildcard:
		return ""
	case c.IsApex:
		return "www." + c.Hostname
	case c.HostLabel == "www":
		return c.RegistrableDomain
	}
	return ""
}

// RedirectsTo is where a companion leads its visitors; nil for every other connection.
func (c *Connection) RedirectsTo() *string {
	if c.CompanionOf == nil {
		return nil
	}
	return new(c.other())
}

// endsAt is the mode in which visitors end at a name of a pair; "" for a name of none.
func endsAt(apex, www bool) application.CompanionMode {
	switch {
	case apex:
		return application.EndAtApex
	case www:
		return application.EndAtWWW
	}
	return ""
}

func (c *Connection) mode() application.CompanionMode {
	return endsAt(c.IsApex && !c.IsWildcard, c.other() == c.RegistrableDomain)
}

// secured says that visitors who come to the name over https arrive.
func (c *Connection) secured() bool {
	return c.serves() && c.SuspendedAt == nil && !c.Facets.TLS.Certificate.IsZero()
}

// parseCompanion reads which name is taken along: what was said, else what the application does by itself. What an application does by itself is left out where it
// cannot be done.
func (s *Service) parseCompanion(caller authz.Principal, in *StartConnectionInput) error {
	mine := endsAt(in.name.Apex && !in.name.Wildcard, in.name.Companion() == in.name.Registrable)
	mode := in.Companion
	if mode == nil {
		mode = &in.app.Companion
	}
	if *mode == application.NoCompanion || in.Companion == nil && *mode != mine {
		return nil
	}
	if in.Companion != nil && caller.Kind == authz.WIDGET && in.app.Companion == application.NoCompanion {
		return fault.Invalid("companion", "companion_not_offered", "This application connects no second name.")
	}
	other, err := s.pair(in.name.Unicode, in.name.Companion(), *mode, mine, in.recipe)
	if err == nil {
		in.pair = &other
	}
	if in.Companion == nil {
		return nil
	}
	return err
}

// pair is the companion of a name, if there is one in this mode.
func (s *Service) pair(name, companion string, mode, mine application.CompanionMode, r *recipe.Recipe) (hostname.Name, error) {
	switch {
	case mode == application.AskCompanion:
		return hostname.Name{}, fault.Invalid("companion", "companion_mode", "Say where visitors shall end: WWW or APEX, or NONE.")
	case mine == "":
		return hostname.Name{}, fault.Invalid("companion", "companion_impossible", "%s has no companion: a domain and its www have.", name)
	case mode != mine:
		return hostname.Name{}, fault.Invalid("companion", "companion_direction", "Visitors end at the name that is connected. To have them end at %s, connect that one.", companion)
	}
	other, err := hostname.Parse(companion, s.Settings.Hostnames)
	if err != nil {
		return hostname.Name{}, fault.Invalid("companion", "companion_impossible", "%s cannot be connected.", companion).Because(err)
	}
	class := recipe.Subdomain
	if other.Apex {
		class = recipe.Apex
	}
	if r != nil && !slices.Contains(r.Hosts, class) {
		return hostname.Name{}, fault.Invalid("companion", finding.HostClassNotAllowed, "The recipe of this application has no records for %s.", other.Unicode)
	}
	return other, nil
}

// lockNames lets one start at a time pass for each of the names of an application, in their order, so that no two wait for each other.
func (s *Service) lockNames(ctx context.Context, tx *db.Tx, app ident.ApplicationID, names ...string) error {
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if name == "" {
			continue
		}
		if err := s.q.LockNameToStart(ctx, tx, connectionq.LockNameToStartParams{Name: app.String() + " " + name}); err != nil {
			return fmt.Errorf("wait for the name %s: %w", name, err)
		}
	}
	return nil
}

// accompany starts the companion of a locked connection; in is what the main one was started with, or what speaks of it, and in.pair the name. The names are
// locked. It answers whether one was started.
func (s *Service) accompany(ctx context.Context, e *door.Effect, main *Connection, in StartConnectionInput) (bool, error) {
	if main.CompanionOf != nil {
		return false, fault.Conflict("companion", "redirect_loop", "%s leads visitors to %s. A name cannot lead them back.", main.UnicodeName, main.other())
	}
	if main.State == Archived {
		return false, noFit(main)
	}
	row, err := s.q.LockOpenConnection(ctx, e.Tx, connectionq.LockOpenConnectionParams{OrgID: main.OrgID.UUID(), ApplicationID: main.ApplicationID.UUID(), Hostname: in.pair.ASCII})
	switch {
	case err == nil && row.Connection.CompanionOf != nil && *row.Connection.CompanionOf == main.ID.UUID():
		return false, nil
	case err == nil:
		return false, fault.Conflict("companion", finding.HeldElsewhere, "%s", finding.Sentence(finding.HeldElsewhere, e.Caller.Locale, map[string]any{"name": in.pair.Unicode}))
	case !db.NotFound(err):
		return false, fmt.Errorf("look for %s: %w", in.pair, err)
	}
	up := main.Upstream
	if up == nil {
		up = in.app.Upstream
	}
	if leadsTo(up, main.Hostname, in.pair.ASCII) {
		return false, fault.Conflict("companion", "redirect_loop", "Requests for %s go to %s itself, which would lead them back.", main.UnicodeName, up.OriginURL)
	}
	in.name, in.of, in.routed, in.Metadata, in.Labels = *in.pair, &main.ID, nil, nil, nil
	in.PreferredMethod = nil // a domain is not handed over with its www
	in.ExternalRef, in.EndUserRef, in.EndUserEmail = main.ExternalRef, main.EndUserRef, main.EndUserEmail
	_, err = s.add(ctx, e, in)
	return err == nil, err
}

// after is an id that is greater than another one, whatever the clock said where that was made.
func after(id, other uuid.UUID, at time.Time) uuid.UUID {
	for bytes.Compare(id[:], other[:]) <= 0 {
		at = at.Add(time.Millisecond)
		id = ident.V7(at)
	}
	return id
}

// leadsTo says that an upstream's requests would come to one of the names again.
func leadsTo(up *application.Upstream, names ...string) bool {
	if up == nil {
		return false
	}
	u, err := url.Parse(up.OriginURL)
	return err == nil && slices.Contains(names, strings.TrimSuffix(strings.ToLower(u.Hostname()), "."))
}

// setCompanion takes the companion along that an update asks for, or ends it, and says whether anything moved. The names and the connection are locked.
func (s *Service) setCompanion(ctx context.Context, e *door.Effect, main *Connection, in UpdateConnectionInput) (bool, error) {
	switch {
	case in.Companion == nil:
		return false, nil
	case *in.Companion == application.NoCompanion:
		c, err := s.companionTx(ctx, e.Tx, main)
		if err != nil || c == nil {
			return false, err
		}
		return true, s.ArchiveTx(ctx, e, c, "disconnected")
	}
	if main.CompanionOf == nil { // else it is refused as a loop, which says more
		other, err := s.pair(main.UnicodeName, main.other(), *in.Companion, main.mode(), in.start.recipe)
		if err != nil {
			return false, err
		}
		in.start.pair = &other
	}
	return s.accompany(ctx, e, main, in.start)
}

// companionTx locks the open companion of a locked connection; nil when it has none.
func (s *Service) companionTx(ctx context.Context, tx *db.Tx, main *Connection) (*Connection, error) {
	if main.CompanionOf != nil || main.mode() == "" {
		return nil, nil
	}
	ids, err := s.companionIDs(ctx, tx, main.OrgID, main.ID.UUID())
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	c, err := s.lock(ctx, tx, main.OrgID, ident.From[ident.ConnectionID](ids[0]))
	if err != nil || c.State == Archived { // it ended while we waited for it
		return nil, err
	}
	return c, nil
}

func (s *Service) companionIDs(ctx context.Context, on connectionq.DBTX, org ident.OrgID, mains ...uuid.UUID) ([]uuid.UUID, error) {
	ids, err := s.q.CompanionIDs(ctx, on, connectionq.CompanionIDsParams{OrgID: org.UUID(), Ids: mains})
	if err != nil {
		return nil, fmt.Errorf("look for the companions of %d connections: %w", len(mains), err)
	}
	return ids, nil
}

// withCompanions adds the companions of connections to a list of ids that is to be locked.
func (s *Service) withCompanions(ctx context.Context, on connectionq.DBTX, org ident.OrgID, ids []uuid.UUID) ([]uuid.UUID, error) {
	more, err := s.companionIDs(ctx, on, org, ids...)
	all := append(slices.Clone(ids), more...)
	slices.SortFunc(all, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(all), err
}

// led is where the edges lead the visitors of a companion; nil for every other connection.
func (c *Connection) led(app surroundings) *edgeentry.Companion {
	if c.CompanionOf == nil {
		return nil
	}
	return &edgeentry.Companion{To: c.other(), Of: *c.CompanionOf, Status: app.companionStatus}
}

// CompanionsOf reads the companions of connections that the caller may see: one that was taken along, one that the application offers, or nil.
func (s *Service) CompanionsOf(ctx context.Context, cons []*Connection) ([]*Companion, error) {
	out := make([]*Companion, len(cons))
	taken := map[ident.ConnectionID]*Connection{}
	for org, of := range byOrg(cons) {
		ids := make([]uuid.UUID, len(of))
		for n, id := range of {
			ids[n] = id.UUID()
		}
		rows, err := s.q.CompanionsOf(ctx, s.DB, connectionq.CompanionsOfParams{OrgID: org.UUID(), Ids: ids})
		if err != nil {
			return nil, fmt.Errorf("read the companions of %d connections: %w", len(of), err)
		}
		for _, r := range rows {
			c, err := s.shown(&r.Connection, r.NextAt, r.LeasedUntil)
			if err != nil {
				return nil, err
			}
			taken[*c.CompanionOf] = c
		}
	}
	apps := map[ident.ApplicationID]*application.Application{}
	for n, c := range cons {
		if c.mode() == "" || c.CompanionOf != nil {
			continue
		}
		one := &Companion{Hostname: c.other(), Mode: c.mode(), RedirectTo: c.Hostname, Connection: taken[c.ID]}
		if name, err := hostname.Parse(one.Hostname, s.Settings.Hostnames); err == nil {
			one.UnicodeName = name.Unicode
		}
		if one.Connection != nil {
			one.Redirecting = one.Connection.secured() && c.secured()
			out[n] = one
			continue
		}
		app, read := apps[c.ApplicationID]
		if !read {
			var err error
			if app, err = s.Applications.Find(ctx, c.ApplicationID); err != nil {
				return nil, err
			}
			apps[c.ApplicationID] = app
		}
		if c.Open() && (app.Companion == application.AskCompanion || app.Companion == one.Mode) {
			out[n] = one
		}
	}
	return out, nil
}

// surround reads what a change of a companion speaks of, before the transaction.
func (s *Service) surround(ctx context.Context, main *Connection, in *UpdateConnectionInput) error {
	app, err := s.Applications.Find(ctx, main.ApplicationID)
	if err != nil {
		return err
	}
	found, err := s.Recipes.Find(ctx, app.RecipeID)
	if err != nil {
		return err
	}
	in.start = StartConnectionInput{ApplicationID: app.ID, app: app, recipe: found}
	in.names = []string{main.Hostname, main.other()}
	return nil
}
