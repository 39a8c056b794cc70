package application

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/applicationq"
)

// UpdateApplicationInput changes what it names; a missing member leaves the value, clearX empties it.
type UpdateApplicationInput struct {
	ID                    ident.ApplicationID
	Version               int32
	Name                  *string
	Slug                  *string
	AllowedOrigins        []string // nil leaves them
	Upstream              *UpstreamInput
	ClearUpstream         *bool
	OwnershipPolicy       *OwnershipPolicyInput
	SubdomainRule         *SubdomainRule
	Wildcards             *bool
	DefaultSubdomain      *string
	ClearDefaultSubdomain *bool
	Companion             *CompanionMode
	CompanionStatus       *int32
	HSTSMaxAge            *int32
	MonitorPolicyID       *ident.MonitorPolicyID
	ClearMonitorPolicy    *bool
	ClientMutationID      *string

	upstream *Upstream
}

// OwnershipPolicyInput: at least one of the two.
type OwnershipPolicyInput struct {
	TargetToken bool
	TxtRequired bool
}

// Update changes an application. A newer version than the one named is VERSION_CONFLICT.
func (s *Service) Update(ctx context.Context, in UpdateApplicationInput) (*ApplicationPayload, error) {
	return door.Do(ctx, s.Door, door.Change[UpdateApplicationInput, *ApplicationPayload]{
		Action: door.Action{Name: "application.update", Permission: "application.write"},
		Org:    func(ctx context.Context, in UpdateApplicationInput) (ident.OrgID, error) { return s.OrgOf(ctx, in.ID) },
		Key:    func(in UpdateApplicationInput) *string { return in.ClientMutationID },
		Validate: func(ctx context.Context, e *door.Effect, in *UpdateApplicationInput) error {
			if !e.Scope.Covers(in.ID) {
				return fault.NotFound("application")
			}
			return s.validateUpdate(ctx, in)
		},
		Do: s.update,
	}, in)
}

func (s *Service) validateUpdate(ctx context.Context, in *UpdateApplicationInput) error {
	var faults []error
	if in.Name != nil {
		faults = append(faults, checkName(in.Name))
	}
	if in.Slug != nil {
		faults = append(faults, checkSlug(*in.Slug))
	}
	if in.OwnershipPolicy != nil && !in.OwnershipPolicy.TargetToken && !in.OwnershipPolicy.TxtRequired {
		faults = append(faults, fault.Invalid("ownershipPolicy", "ownership_policy", "Ask for at least one proof: the target, or the TXT record."))
	}
	if in.DefaultSubdomain != nil && (!slugs.MatchString(*in.DefaultSubdomain) || len(*in.DefaultSubdomain) > maxSlug) {
		faults = append(faults, fault.Invalid("defaultSubdomain", "label", "Write one label, such as shop."))
	}
	if in.HSTSMaxAge != nil && (*in.HSTSMaxAge < 0 || *in.HSTSMaxAge > maxHSTS) {
		faults = append(faults, fault.Invalid("hstsMaxAge", "range", "0 to %d seconds, which are two years.", maxHSTS))
	}
	if in.CompanionStatus != nil && *in.CompanionStatus != http.StatusMovedPermanently && *in.CompanionStatus != http.StatusPermanentRedirect {
		faults = append(faults, fault.Invalid("companionStatus", "status", "308, which keeps a request's method, or 301."))
	}
	if in.Upstream != nil {
		up, err := s.CheckUpstream(ctx, *in.Upstream)
		in.upstream = up
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

func (s *Service) update(ctx context.Context, e *door.Effect, in UpdateApplicationInput) (*ApplicationPayload, error) {
	app, err := s.lock(ctx, e, in.ID)
	if err != nil {
		return nil, err
	}
	if app.Version != in.Version {
		return nil, e.Lost(in.ID.String(), app.Version)
	}
	if err := s.checkOrigins(in.AllowedOrigins, app.Environment); err != nil {
		return nil, err
	}
	was := *app
	fields := in.onto(app)
	if len(fields) == 0 {
		e.Quiet()
		return &ApplicationPayload{Application: app}, nil
	}
	p := applicationq.UpdateApplicationParams{ID: app.ID.UUID(), OrgID: e.Scope.OrgUUID(), Version: in.Version, Name: app.Name, Slug: app.Slug, AllowedOrigins: app.AllowedOrigins,
		TargetTokenProof: app.OwnershipPolicy.TargetToken, TxtRequired: app.OwnershipPolicy.TxtRequired, SubdomainRule: string(app.SubdomainRule), Wildcards: app.Wildcards, DefaultSubdomain: app.DefaultSubdomain, HstsMaxAge: app.HSTSMaxAge, Companion: string(app.Companion), CompanionStatus: app.CompanionStatus, UpdatedAt: e.Tx.Now}
	if app.MonitorPolicyID != nil {
		p.MonitorPolicyID = new(app.MonitorPolicyID.UUID())
	}
	if app.Upstream != nil {
		p.Upstream, _ = json.Marshal(app.Upstream)
	}
	n, err := s.q.UpdateApplication(ctx, e.Tx, p)
	switch {
	case db.Violates(err, "application_org_id_slug_key"):
		return nil, fault.Conflict("slug", "slug_taken", "There is an application with this short name already.")
	case db.Violates(err, "application_monitor_policy"):
		return nil, fault.At(fault.NotFound("monitor policy"), "monitorPolicyId")
	case err != nil:
		return nil, fmt.Errorf("change the application: %w", err)
	case n == 0:
		return nil, e.Lost(in.ID.String(), was.Version+1)
	}
	app.Version, app.UpdatedAt = was.Version+1, e.Tx.Now
	e.Record(event.Change{OrgID: e.Scope.Org(), Action: "application.updated", Subject: app.ID.String(), Version: app.Version, Payload: map[string]any{"v": 1, "fields": fields}, Audited: true})
	e.After(func() { s.forget(app.PublicKey) })
	return &ApplicationPayload{Application: app}, nil
}

// onto writes what is named over the application and answers the names of the fields that moved.
func (in *UpdateApplicationInput) onto(a *Application) (fields []string) {
	move := func(name string, moved bool, write func()) {
		if moved {
			write()
			fields = append(fields, name)
		}
	}
	move("name", in.Name != nil && *in.Name != a.Name, func() { a.Name = *in.Name })
	move("slug", in.Slug != nil && *in.Slug != a.Slug, func() { a.Slug = *in.Slug })
	move("allowedOrigins", in.AllowedOrigins != nil && !slices.Equal(in.AllowedOrigins, a.AllowedOrigins), func() { a.AllowedOrigins = in.AllowedOrigins })
	if p := in.OwnershipPolicy; p != nil {
		move("ownershipPolicy", OwnershipPolicy(*p) != a.OwnershipPolicy, func() { a.OwnershipPolicy = OwnershipPolicy(*p) })
	}
	move("subdomainRule", in.SubdomainRule != nil && *in.SubdomainRule != a.SubdomainRule, func() { a.SubdomainRule = *in.SubdomainRule })
	move("wildcards", in.Wildcards != nil && *in.Wildcards != a.Wildcards, func() { a.Wildcards = *in.Wildcards })
	clear := func(b *bool) bool { return b != nil && *b }
	move("defaultSubdomain", in.DefaultSubdomain != nil && (a.DefaultSubdomain == nil || *a.DefaultSubdomain != *in.DefaultSubdomain), func() { a.DefaultSubdomain = in.DefaultSubdomain })
	move("defaultSubdomain", clear(in.ClearDefaultSubdomain) && a.DefaultSubdomain != nil, func() { a.DefaultSubdomain = nil })
	move("companion", in.Companion != nil && *in.Companion != a.Companion, func() { a.Companion = *in.Companion })
	move("companionStatus", in.CompanionStatus != nil && *in.CompanionStatus != a.CompanionStatus, func() { a.CompanionStatus = *in.CompanionStatus })
	move("hstsMaxAge", in.HSTSMaxAge != nil && *in.HSTSMaxAge != a.HSTSMaxAge, func() { a.HSTSMaxAge = *in.HSTSMaxAge })
	move("upstream", in.upstream != nil && (a.Upstream == nil || *a.Upstream != *in.upstream), func() { a.Upstream = in.upstream })
	move("upstream", clear(in.ClearUpstream) && a.Upstream != nil, func() { a.Upstream = nil })
	move("monitorPolicy", in.MonitorPolicyID != nil && (a.MonitorPolicyID == nil || *a.MonitorPolicyID != *in.MonitorPolicyID), func() { a.MonitorPolicyID = in.MonitorPolicyID })
	move("monitorPolicy", clear(in.ClearMonitorPolicy) && a.MonitorPolicyID != nil, func() { a.MonitorPolicyID = nil })
	return fields
}

func (s *Service) lock(ctx context.Context, e *door.Effect, id ident.ApplicationID) (*Application, error) {
	r, err := s.q.LockApplication(ctx, e.Tx, applicationq.LockApplicationParams{ID: id.UUID(), OrgID: e.Scope.OrgUUID()})
	if db.NotFound(err) {
		return nil, fault.NotFound("application")
	} else if err != nil {
		return nil, fmt.Errorf("lock the application %s: %w", id, err)
	}
	app, err := fromRow(r)
	if err == nil && app.ArchivedAt != nil {
		return nil, fault.Precondition("archived", "This application is archived.")
	}
	return app, err
}

// forget drops what is remembered of an application in this process; others forget within a second.
func (s *Service) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, key)
}

// ArchiveInput names the application, and its name again, typed by the person.
type ArchiveInput struct {
	ID                 ident.ApplicationID
	ArchiveConnections bool
	ConfirmName        string
}

// ArchiveApplicationPayload: Waiting is set instead when the change is held back.
type ArchiveApplicationPayload struct {
	Application *Application
	Waiting     *door.Waiting
}

// Archive takes an application out of service. With open connections it is refused, unless they are to be archived with it.
func (s *Service) Archive(ctx context.Context, in ArchiveInput) (*ArchiveApplicationPayload, error) {
	return door.Do(ctx, s.Door, door.Change[ArchiveInput, *ArchiveApplicationPayload]{
		Action: door.Action{Name: "application.archive", Permission: "application.archive", StepUp: true},
		Org:    func(ctx context.Context, in ArchiveInput) (ident.OrgID, error) { return s.OrgOf(ctx, in.ID) },
		Do: func(ctx context.Context, e *door.Effect, in ArchiveInput) (*ArchiveApplicationPayload, error) {
			app, err := s.lock(ctx, e, in.ID)
			if err != nil {
				return nil, err
			}
			if in.ConfirmName != app.Name {
				return nil, fault.Invalid("confirmName", "confirm_name", "Type the application's name, %q, to confirm.", app.Name)
			}
			open, err := s.Connections.CountOpen(ctx, e.Tx, e.Scope.Org(), app.ID)
			if err != nil {
				return nil, err
			}
			if open > 0 && !in.ArchiveConnections {
				return nil, fault.Precondition("connections_open", "%d domains are still connected. Archive them first, or archive them together with the application.", open).With("open", open)
			}
			if err := s.Connections.ArchiveOfTx(ctx, e, app.ID); err != nil {
				return nil, err
			}
			if _, err := s.q.ArchiveApplication(ctx, e.Tx, applicationq.ArchiveApplicationParams{ID: app.ID.UUID(), OrgID: e.Scope.OrgUUID(), ArchivedAt: &e.Tx.Now}); err != nil {
				return nil, fmt.Errorf("archive the application: %w", err)
			}
			if err := e.Give(ctx, quota, 1); err != nil {
				return nil, err
			}
			app.ArchivedAt, app.Version = &e.Tx.Now, app.Version+1
			e.Record(event.Change{OrgID: e.Scope.Org(), Action: "application.archived", Subject: app.ID.String(), Version: app.Version, Payload: map[string]any{"v": 1, "connections": open}, Audited: true})
			e.After(func() { s.forget(app.PublicKey) })
			return &ArchiveApplicationPayload{Application: app}, nil
		},
	}, in)
}
