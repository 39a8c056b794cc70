package connection

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/recipe"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/hostname"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/connectionq"

	"slices"
)

// StartConnectionInput is what is asked for. A widget gives hostname, wildcard and preferred method; the rest are claims of its token.
type StartConnectionInput struct {
	ApplicationID    ident.ApplicationID
	Hostname         string
	Wildcard         *bool
	RecipeID         *ident.RecipeID
	ExternalRef      *string
	EndUserRef       *string
	EndUserEmail     *string
	Metadata         json.RawMessage
	Labels           []string
	Upstream         *application.UpstreamInput
	PreferredMethod  *SetupType
	Companion        *application.CompanionMode // nil: what the application does by itself
	ClientMutationID *string

	name   hostname.Name
	pair   *hostname.Name      // of the companion that is started with it; nil: none is
	of     *ident.ConnectionID // whose companion this one is
	app    *application.Application
	recipe *recipe.Recipe
	routed *application.Upstream
	faults []error
}

// StartConnectionPayload: Created is false when the connection was there already.
type StartConnectionPayload struct {
	Connection *Connection
	Created    bool
	Edge       *ConnectionEdge
	Quota      *door.QuotaNotice
}

// Start begins to connect a name to an application (T1). It is idempotent for each application and name: however often and however simultaneously it
// is called, one connection is made, and the others answer it. A widget that asks for a name which is open and not its own gets CONFLICT
// held_elsewhere and learns nothing else.
func (s *Service) Start(ctx context.Context, in StartConnectionInput) (*StartConnectionPayload, error) {
	if err := s.prepare(ctx, &in); err != nil {
		return nil, err
	}
	if err := s.countStart(ctx, in); err != nil {
		return nil, err
	}
	return door.Do(ctx, s.Door, door.Change[StartConnectionInput, *StartConnectionPayload]{
		Action:   door.Action{Name: "connection.start", Permission: "connection.start"},
		Org:      func(_ context.Context, in StartConnectionInput) (ident.OrgID, error) { return in.app.OrgID, nil },
		Key:      func(in StartConnectionInput) *string { return in.ClientMutationID },
		Validate: s.validateStart,
		Do:       s.start,
	}, in)
}

// application reads one for a caller who has the permission in its organization; an unknown one and somebody else's are the same NOT_FOUND.
func (s *Service) application(ctx context.Context, p authz.Permission, id ident.ApplicationID) (*application.Application, error) {
	app, err := s.Applications.Find(ctx, id)
	if err != nil && !fault.Is(err, fault.NotFoundCode) {
		return nil, err
	}
	var org ident.OrgID
	if err == nil {
		org = app.OrgID
	}
	scope, refused := s.Authz.Authorize(ctx, p, org)
	if fault.Is(refused, fault.NotFoundCode) || refused == nil && (err != nil || !scope.Covers(id)) {
		return nil, fault.NotFound("application")
	}
	if refused != nil {
		return nil, refused
	}
	caller := authz.From(ctx)
	if caller.Kind == authz.WIDGET && caller.Widget.ApplicationID != id {
		return nil, fault.NotFound("application")
	}
	return app, nil
}

// prepare reads what the input speaks of, before the transaction: whoever holds a connection to the database never waits for a second one.
func (s *Service) prepare(ctx context.Context, in *StartConnectionInput) error {
	var err error
	if in.app, err = s.application(ctx, "connection.start", in.ApplicationID); err != nil {
		return err
	}
	caller := authz.From(ctx)
	if caller.Kind == authz.WIDGET {
		in.faults = append(in.faults, in.takeClaims(caller.Widget))
	}
	if in.Upstream != nil {
		in.routed, err = s.Applications.CheckUpstream(ctx, *in.Upstream)
		in.faults = append(in.faults, err)
	}
	id := in.app.RecipeID
	if in.RecipeID != nil {
		id = *in.RecipeID
	}
	in.recipe, err = s.Recipes.Find(ctx, id)
	if fault.Is(err, fault.NotFoundCode) {
		in.recipe, err = nil, nil
	}
	return err
}

func (s *Service) validateStart(_ context.Context, e *door.Effect, in *StartConnectionInput) error {
	return in.check(s, e.Caller)
}

// check answers all faults of the input together, and normalises the name.
func (in *StartConnectionInput) check(s *Service, caller authz.Principal) error {
	if in.app.ArchivedAt != nil {
		return fault.Precondition("application_archived", "This application was archived. Its domains cannot be connected any more.")
	}
	faults := append(slices.Clone(in.faults), in.checkDetails())
	switch {
	case in.recipe == nil || in.recipe.ApplicationID != in.app.ID:
		in.recipe = nil
		faults = append(faults, fault.Invalid("recipeId", "recipe_unknown", "This application has no such recipe."))
	case in.recipe.Status != recipe.Published:
		faults = append(faults, fault.Invalid("recipeId", "recipe_not_published", "Choose a published version of the recipe."))
	}
	named := s.parseName(caller, in)
	if named == nil {
		named = s.parseCompanion(caller, in)
	}
	return errors.Join(append(faults, named, s.checkMethod(in, caller.Locale))...)
}

// takeClaims refuses what a widget may not say, and fills it in from its token (AP-27).
func (in *StartConnectionInput) takeClaims(w *authz.WidgetClaims) error {
	var faults []error
	for _, m := range []struct {
		field string
		given bool
	}{
		{"recipeId", in.RecipeID != nil}, {"externalRef", in.ExternalRef != nil}, {"endUserRef", in.EndUserRef != nil}, {"endUserEmail", in.EndUserEmail != nil},
		{"metadata", in.Metadata != nil}, {"labels", len(in.Labels) > 0}, {"upstream", in.Upstream != nil},
	} {
		if m.given {
			faults = append(faults, fault.Invalid(m.field, "claim_of_token", "A widget cannot say this; put it into the token."))
		}
	}
	in.RecipeID, in.Metadata, in.Labels, in.Upstream = w.RecipeID, w.Metadata, nil, nil
	in.ExternalRef, in.EndUserRef, in.EndUserEmail = some(w.ExternalRef), some(w.EndUserRef), some(w.EndUserEmail)
	return errors.Join(faults...)
}

func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// parseName normalises the name and asks the recipe and the application whether such names may be connected.
func (s *Service) parseName(caller authz.Principal, in *StartConnectionInput) error {
	typed := in.Hostname
	if in.Wildcard != nil && *in.Wildcard && !strings.HasPrefix(strings.TrimSpace(typed), "*.") {
		typed = "*." + strings.TrimSpace(typed)
	}
	refuse := func(code string, params map[string]any) error {
		f := fault.Invalid("hostname", code, "%s", finding.Sentence(code, caller.Locale, params))
		for k, v := range params {
			f = f.With(k, v)
		}
		return f
	}
	n, err := hostname.Parse(typed, s.Settings.Hostnames)
	if err != nil {
		bad, ok := errors.AsType[*hostname.Error](err)
		if !ok {
			return err
		}
		return refuse(bad.Reason, bad.Params)
	}
	in.name = n
	if caller.Kind == authz.WIDGET && caller.Widget.Hostname != "" && caller.Widget.Hostname != n.ASCII {
		return fault.Invalid("hostname", "token_hostname", "This set-up is for %s only.", caller.Widget.Hostname)
	}
	if in.recipe == nil {
		return nil
	}
	suggestion := ""
	if in.app.DefaultSubdomain != nil {
		suggestion = *in.app.DefaultSubdomain + "." + n.Registrable
	}
	switch {
	case n.Wildcard && !in.app.Wildcards:
		return refuse(finding.WildcardNotAllowed, map[string]any{"name": n.Unicode})
	case n.Apex && (!slices.Contains(in.recipe.Hosts, recipe.Apex) || in.app.SubdomainRule == application.SubdomainRequired):
		return refuse(finding.HostClassNotAllowed, map[string]any{"name": n.Unicode, "suggestion": suggestion})
	case !n.Apex && !n.Wildcard && (!slices.Contains(in.recipe.Hosts, recipe.Subdomain) || in.app.SubdomainRule == application.SubdomainForbidden):
		return refuse(finding.HostClassNotAllowed, map[string]any{"name": n.Unicode, "suggestion": n.Registrable})
	}
	return nil
}

func (s *Service) start(ctx context.Context, e *door.Effect, in StartConnectionInput) (*StartConnectionPayload, error) {
	if err := s.lockNames(ctx, e.Tx, in.app.ID, in.name.ASCII, in.name.Companion()); err != nil {
		return nil, err
	}
	row, err := s.q.LockOpenConnection(ctx, e.Tx, connectionq.LockOpenConnectionParams{OrgID: in.app.OrgID.UUID(), ApplicationID: in.app.ID.UUID(), Hostname: in.name.ASCII})
	if err == nil {
		return s.repeated(ctx, e, in, &row.Connection)
	} else if !db.NotFound(err) {
		return nil, fmt.Errorf("look for %s: %w", in.name, err)
	}
	if _, err := s.q.HoldOrganization(ctx, e.Tx, connectionq.HoldOrganizationParams{OrgID: in.app.OrgID.UUID()}); db.NotFound(err) {
		return nil, fault.NotFound("application")
	} else if err != nil {
		return nil, fmt.Errorf("hold the organization of %s: %w", in.name, err)
	}
	p := &StartConnectionPayload{Created: true}
	if in.app.Environment == application.Live {
		if p.Quota, err = e.Take(ctx, "connections", 1); err != nil {
			return nil, err
		}
	}
	if p.Connection, err = s.add(ctx, e, in); err != nil {
		return nil, err
	}
	if in.pair != nil {
		_, err := s.accompany(ctx, e, p.Connection, in)
		if err != nil && (in.Companion != nil || !fault.Is(err, fault.ConflictCode)) {
			return nil, err // what an application does by itself keeps nobody from connecting a name
		}
	}
	p.Edge = edge(p.Connection)
	return p, nil
}

// repeated answers a start that found the name open: a companion that is asked for is taken along now, and another way of setting the name up is taken where
// nothing is proven yet. A widget is told about its own connections alone.
func (s *Service) repeated(ctx context.Context, e *door.Effect, in StartConnectionInput, row *connectionq.Connection) (*StartConnectionPayload, error) {
	c, err := s.fromRow(row)
	if err != nil {
		return nil, err
	}
	if !Own(e.Caller, c) {
		return nil, fault.Conflict("hostname", finding.HeldElsewhere, "%s", finding.Sentence(finding.HeldElsewhere, e.Caller.Locale, map[string]any{"name": c.UnicodeName}))
	}
	moved := false
	if in.PreferredMethod != nil && in.how() != c.how() && c.undecided() {
		if err := s.replan(ctx, e, in, c); err != nil {
			return nil, err
		}
		moved = true
	}
	if in.pair != nil && in.Companion != nil {
		started, err := s.accompany(ctx, e, c, in)
		if err != nil {
			return nil, err
		}
		if started {
			if err := s.save(ctx, e.Tx, c, true); err != nil {
				return nil, err
			}
			e.Record(change(c, "connection.updated", Changed{V: 1, Fields: []string{"companion"}}))
			moved = true
		}
	}
	if !moved {
		e.Quiet()
	}
	return &StartConnectionPayload{Connection: c, Edge: edge(c)}, nil
}

func edge(c *Connection) *ConnectionEdge {
	return &ConnectionEdge{Cursor: page.Cursor{ID: c.ID.UUID()}.String(), Node: c}
}

// add writes the connection with all that belongs to it from the first moment: its target, its records, its first check, the end of its window.
func (s *Service) add(ctx context.Context, e *door.Effect, in StartConnectionInput) (*Connection, error) {
	now, rules := e.Tx.Now, s.rules()
	p := connectionq.AddConnectionParams{
		ID: ident.V7(now), OrgID: in.app.OrgID.UUID(), ApplicationID: in.app.ID.UUID(), Hostname: in.name.ASCII, HostnameUnicode: in.name.Unicode, HostLabel: in.name.HostLabel,
		RegistrableDomain: in.name.Registrable, PublicSuffix: in.name.PublicSuffix, IsApex: in.name.Apex, IsWildcard: in.name.Wildcard, ExternalRef: in.ExternalRef, EndUserRef: in.EndUserRef,
		EndUserEmail: in.EndUserEmail, Metadata: object(in.Metadata), Labels: append([]string{}, in.Labels...), RecipeID: in.recipe.ID.UUID(), State: string(Draft), Now: now,
		SetupType: new(string(in.how())), Mechanism: new(string(mechanismOf(in.how()))), SetupOrigin: string(origin(e.Caller)), TargetToken: token(), VerificationToken: token(),
		TlsMode:        modeOf(in.name.Wildcard, in.how()),
		AttentionUntil: new(now.Add(rules.Attention)), WindowEndsAt: new(now.Add(rules.Window)), CreatedBy: e.Caller.Actor(),
	}
	if in.of != nil {
		p.CompanionOf = new(in.of.UUID())
		p.ID = after(p.ID, *p.CompanionOf, now)
	}
	var err error
	if p.Facets, err = json.Marshal(fresh(now)); err != nil {
		return nil, fmt.Errorf("write the facets: %w", err)
	}
	if in.routed != nil {
		if p.Upstream, err = json.Marshal(in.routed); err != nil {
			return nil, fmt.Errorf("write the upstream: %w", err)
		}
	}
	id := ident.From[ident.ConnectionID](p.ID)
	lines, err := s.plan(in, &Connection{Hostname: p.Hostname, HostLabel: p.HostLabel, RegistrableDomain: p.RegistrableDomain, PublicSuffix: p.PublicSuffix, IsApex: p.IsApex, IsWildcard: p.IsWildcard,
		TargetToken: p.TargetToken, VerificationToken: p.VerificationToken, ExternalRef: p.ExternalRef, TLSMode: p.TlsMode, SetupType: (*SetupType)(p.SetupType)})
	if err != nil {
		return nil, err
	}
	if err := s.q.AddConnection(ctx, e.Tx, p); err != nil {
		return nil, fmt.Errorf("add %s: %w", in.name, err)
	}
	if err := s.q.AddTarget(ctx, e.Tx, connectionq.AddTargetParams{Token: p.TargetToken, ConnectionID: p.ID, OrgID: p.OrgID, Now: now}); err != nil {
		return nil, fmt.Errorf("keep the target of %s: %w", id, err)
	}
	if err := s.Records.AddTx(ctx, e.Tx, in.app.OrgID, id, lines); err != nil {
		return nil, err
	}
	c, err := s.lock(ctx, e.Tx, in.app.OrgID, id)
	if err != nil {
		return nil, err
	}
	if err := s.setDue(ctx, e.Tx, c, timerKind, *c.WindowEndsAt); err != nil {
		return nil, err
	}
	if err := s.makeDue(ctx, e, c, now, analysis.TriggerCreate); err != nil {
		return nil, err
	}
	if err := s.Edge.TargetTx(ctx, e.Tx, c.TargetToken, id); err != nil {
		return nil, err
	}
	e.Record(event.Change{OrgID: c.OrgID, Action: "connection.created", Subject: id.String(), Version: c.Version, Audited: true,
		Payload: Created{V: 1, Hostname: c.Hostname, ApplicationID: c.ApplicationID, Origin: c.SetupOrigin, SetupType: c.SetupType, ExternalRef: c.ExternalRef, CompanionOf: c.CompanionOf}})
	return c, nil
}

// token is 130 random bits as 26 characters of a-z and 2-7 (CL-1). Its row in edge_target is never deleted, so it can never come back (I6).
func token() string { return strings.ToLower(rand.Text()) }

func object(raw json.RawMessage) []byte {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || string(raw) == "null" {
		return []byte("{}")
	}
	return raw
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func origin(p authz.Principal) SetupOrigin {
	switch p.Kind {
	case authz.WIDGET:
		return FromWidget
	case authz.USER, authz.OPERATOR:
		return FromConsole
	}
	return FromAPI
}
