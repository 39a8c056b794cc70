// Package resolvers joins the schema with the services: each function reads ids, calls one service and answers what it said. What may be seen and
// done is decided in the services; what hangs below many objects of one response is read together by the loaders.
//
// The files named after graph/*.graphqls are kept by gqlgen, which rewrites all of them but the bodies: what is no resolver stands elsewhere.
package resolvers

import (
	"context"

	"github.com/nameplate-dev/nameplate/graph/loader"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/certificate"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/domaincheck"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/connect/monitor"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/internal/connect/recipe"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook"
	"github.com/nameplate-dev/nameplate/internal/connect/widget"
	"github.com/nameplate-dev/nameplate/internal/platform/account"
	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/platform/approval"
	"github.com/nameplate-dev/nameplate/internal/platform/audit"
	"github.com/nameplate-dev/nameplate/internal/platform/credential"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/platform/invitation"
	"github.com/nameplate-dev/nameplate/internal/platform/machine"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/membership"
	"github.com/nameplate-dev/nameplate/internal/platform/organization"
	"github.com/nameplate-dev/nameplate/internal/platform/profile"
	"github.com/nameplate-dev/nameplate/internal/platform/recovery"
	"github.com/nameplate-dev/nameplate/internal/platform/registration"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/platform/sso"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
)

// Services is what the resolvers call; the assembly fills it in.
type Services struct {
	Accounts      *account.Service
	Profiles      *profile.Service
	Sessions      *session.Service
	Organizations *organization.Service
	Members       *membership.Service
	Invitations   *invitation.Service
	Keys          *apikey.Service
	Machines      *machine.Service
	Credentials   *credential.Service
	Registrations *registration.Service
	Recoveries    *recovery.Service
	Factors       *factor.Service
	Mails         *mail.Service
	Approvals     *approval.Service
	Audits        *audit.Service
	SSO           *sso.Service

	Applications *application.Service
	Recipes      *recipe.Service
	Connections  *connection.Service
	DomainChecks *domaincheck.Service
	Providers    *provider.Catalogue
	Certificates *certificate.Service
	Widgets      *widget.Service
	Webhooks     *webhook.Service
	EdgeEntries  *edgeentry.Service
	Monitor      *monitor.Service

	Authz *authz.Authorizer
	Hub   *live.Hub
	Parts []part.Part                 // what node(id:) finds and what health asks
	Spent func(context.Context) Spent // the price of the running operation: graph.SpentOf
	Build string                      // hash of the console bundle
	// Version of the program, shown to operators.
	Version string
}

// Resolver answers every field that is more than a member of a struct. Its fields are unexported: root fields would hide exported ones.
type Resolver struct {
	platform platform
	connect  connect
	house    house
	sources  loader.Sources
}

type platform struct {
	accounts      *account.Service
	profiles      *profile.Service
	sessions      *session.Service
	organizations *organization.Service
	members       *membership.Service
	invitations   *invitation.Service
	keys          *apikey.Service
	machines      *machine.Service
	credentials   *credential.Service
	registrations *registration.Service
	recoveries    *recovery.Service
	factors       *factor.Service
	mails         *mail.Service
	approvals     *approval.Service
	audits        *audit.Service
	sso           *sso.Service
}

type connect struct {
	applications *application.Service
	recipes      *recipe.Service
	connections  *connection.Service
	certificates *certificate.Service
	domainChecks *domaincheck.Service
	providers    *provider.Catalogue
	widgets      *widget.Service
	webhooks     *webhook.Service
	edges        *edgeentry.Service
	monitor      *monitor.Service
}

type house struct {
	authz   *authz.Authorizer
	hub     *live.Hub
	nodes   map[string]part.Finder
	ready   []part.Check
	spent   func(context.Context) Spent
	build   string
	version string
}

// New joins them.
func New(s Services) *Resolver {
	r := &Resolver{
		platform: platform{s.Accounts, s.Profiles, s.Sessions, s.Organizations, s.Members, s.Invitations, s.Keys, s.Machines, s.Credentials, s.Registrations, s.Recoveries, s.Factors, s.Mails, s.Approvals, s.Audits, s.SSO},
		connect:  connect{s.Applications, s.Recipes, s.Connections, s.Certificates, s.DomainChecks, s.Providers, s.Widgets, s.Webhooks, s.EdgeEntries, s.Monitor},
		sources:  loader.Sources{Organizations: s.Organizations, Applications: s.Applications, Recipes: s.Recipes, Connections: s.Connections, Certificates: s.Certificates, Webhooks: s.Webhooks, Monitor: s.Monitor},
		house:    house{authz: s.Authz, hub: s.Hub, nodes: map[string]part.Finder{}, spent: s.Spent, build: s.Build, version: s.Version},
	}
	r.house.nodes["pvd"] = r.providerNode
	for _, p := range s.Parts {
		for prefix, find := range p.Nodes {
			r.house.nodes[prefix] = find
		}
		r.house.ready = append(r.house.ready, p.Ready...)
	}
	return r
}

// Loaders are those of one response; graph.Config.Around puts them into its context.
func (r *Resolver) Loaders() *loader.Loaders { return loader.New(r.sources) }
