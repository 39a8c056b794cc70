package domaincheck

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/recipe"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/hostname"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/locale"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// asking is one check that was let through.
type asking struct {
	s      *Service
	app    *application.Application
	recipe *recipe.Recipe
	name   hostname.Name
	locale string
	lines  []*record.Record
}

// Check finds out about a name, within three seconds. It needs connection.check for the application; a widget asks for its own application and the
// name that its token is bound to. INVALID says in its reason why a name cannot be connected; UNAVAILABLE could_not_ask that our own side cannot ask.
func (s *Service) Check(ctx context.Context, app ident.ApplicationID, typed string, wildcard bool) (*DomainCheck, error) {
	a, err := s.ask(ctx, app, typed, wildcard, authz.From(ctx).Locale)
	if err != nil {
		return nil, err
	}
	return a.run(ctx, nil)
}

// ask authorises, counts, and reads the name, in this order.
func (s *Service) ask(ctx context.Context, id ident.ApplicationID, typed string, wildcard bool, locale string) (*asking, error) {
	app, err := s.reach(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := s.count(ctx); err != nil {
		return nil, err
	}
	if app.ArchivedAt != nil {
		return nil, fault.Precondition("application_archived", "This application was archived. Its domains cannot be connected any more.")
	}
	a := &asking{s: s, app: app, locale: locale}
	if a.recipe, err = s.Recipes.Find(ctx, app.RecipeID); err != nil {
		return nil, err
	}
	if err := a.read(authz.From(ctx), typed, wildcard); err != nil {
		return nil, err
	}
	return a, a.plan()
}

// reach reads the application for a caller with connection.check; an unknown one and somebody else's are the same NOT_FOUND.
func (s *Service) reach(ctx context.Context, id ident.ApplicationID) (*application.Application, error) {
	app, err := s.Applications.Find(ctx, id)
	if err != nil && !fault.Is(err, fault.NotFoundCode) {
		return nil, err
	}
	var org ident.OrgID
	if err == nil {
		org = app.OrgID
	}
	scope, refused := s.Authz.Authorize(ctx, "connection.check", org)
	caller := authz.From(ctx)
	switch {
	case fault.Is(refused, fault.NotFoundCode):
		return nil, fault.NotFound("application")
	case refused != nil:
		return nil, refused
	case !scope.Covers(id) || caller.Kind == authz.WIDGET && caller.Widget.ApplicationID != id:
		return nil, fault.NotFound("application")
	}
	return app, nil
}

// read normalises the name and asks the token, the recipe and the application whether such names may be connected.
func (a *asking) read(caller authz.Principal, typed string, wildcard bool) error {
	text := strings.TrimSpace(typed)
	if wildcard && !strings.HasPrefix(text, "*.") {
		text = "*." + text
	}
	n, err := hostname.Parse(text, a.s.Settings.Hostnames)
	if err != nil {
		bad, ok := errors.AsType[*hostname.Error](err)
		if !ok {
			return err
		}
		return a.refuse(bad.Reason, bad.Params)
	}
	if a.name = n; caller.Kind == authz.WIDGET && caller.Widget.Hostname != "" && caller.Widget.Hostname != n.ASCII {
		return fault.Invalid("hostname", "token_hostname", "%s", book.Say(a.locale, "bound", locale.Values{"name": caller.Widget.Hostname}))
	}
	switch {
	case a.may(n):
		return nil
	case n.Wildcard:
		return a.refuse(finding.WildcardNotAllowed, map[string]any{"name": n.Unicode})
	case n.Apex:
		return a.refuse(finding.HostClassNotAllowed, map[string]any{"name": n.Unicode, "suggestion": a.subdomain()})
	}
	return a.refuse(finding.HostClassNotAllowed, map[string]any{"name": n.Unicode, "suggestion": n.Registrable})
}

// may says that the application connects names of this class.
func (a *asking) may(n hostname.Name) bool {
	class, forbidden := recipe.Subdomain, application.SubdomainForbidden
	switch {
	case n.Wildcard:
		return a.app.Wildcards
	case n.Apex:
		class, forbidden = recipe.Apex, application.SubdomainRequired
	}
	return slices.Contains(a.recipe.Hosts, class) && a.app.SubdomainRule != forbidden
}

// subdomain is the name below the domain that the application proposes.
func (a *asking) subdomain() string {
	if a.app.DefaultSubdomain != nil && *a.app.DefaultSubdomain != "" {
		return *a.app.DefaultSubdomain + "." + a.name.Registrable
	}
	return "www." + a.name.Registrable
}

func (a *asking) refuse(code string, params map[string]any) error {
	f := fault.Invalid("hostname", code, "%s", finding.Sentence(code, a.locale, params))
	for k, v := range params {
		f = f.With(k, v)
	}
	return f
}

// run asks the engine, and hands on its steps as they come.
func (a *asking) run(ctx context.Context, progress func(analysis.Step)) (*DomainCheck, error) {
	existing, err := a.s.existing(ctx, a.app, a.name.ASCII)
	if err != nil {
		return nil, err
	}
	answer, err := a.s.Engine.Analyze(ctx, analysis.Question{
		Hostname: a.name.Base(), Wildcard: a.name.Wildcard, Apex: a.name.Apex, Registrable: a.name.Registrable, EdgeZone: a.s.Settings.EdgeZone,
		Expected: record.Expected(a.lines), Depth: analysis.Full, Interactive: true, First: true, Eager: true, Modes: []string{"http-01", "tls-alpn-01"}, Progress: progress,
	})
	if err != nil {
		return nil, err
	}
	if answer.Verdict == analysis.CouldNotAsk && slices.ContainsFunc(answer.Findings, func(f finding.Finding) bool { return f.Code == finding.CouldNotAsk }) {
		return nil, fault.Unavailable(finding.CouldNotAsk, "%s", finding.Sentence(finding.CouldNotAsk, a.locale, map[string]any{}))
	}
	d := a.answer(&answer)
	d.Existing = existing
	return d, nil
}

func (s *Service) existing(ctx context.Context, app *application.Application, name string) (*ExistingConnection, error) {
	if s.Existing == nil {
		return nil, nil
	}
	return s.Existing(ctx, app, name)
}
