// Package app joins the parts of the house: it builds the services from the settings, hands each what it leans on, and says what a process runs. Nothing
// starts here until a command asks for it.
package app

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/nameplate-dev/nameplate/db"
	edgedns "github.com/nameplate-dev/nameplate/edge/dns"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/caa"
	"github.com/nameplate-dev/nameplate/internal/connect/certificate"
	"github.com/nameplate-dev/nameplate/internal/connect/check"
	"github.com/nameplate-dev/nameplate/internal/connect/claim"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck"
	"github.com/nameplate-dev/nameplate/internal/connect/domaincheck"
	"github.com/nameplate-dev/nameplate/internal/connect/domainconnect"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/connect/monitor"
	"github.com/nameplate-dev/nameplate/internal/connect/notice"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/internal/connect/recipe"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook"
	"github.com/nameplate-dev/nameplate/internal/connect/widget"
	"github.com/nameplate-dev/nameplate/internal/kit/hostname"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/metric"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
	"github.com/nameplate-dev/nameplate/internal/platform/account"
	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/platform/approval"
	"github.com/nameplate-dev/nameplate/internal/platform/audit"
	"github.com/nameplate-dev/nameplate/internal/platform/billing"
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
	"github.com/nameplate-dev/nameplate/internal/platform/usage"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/workers"
)

// App is one assembled product. Its services are exported for the commands and for tests; nothing outside changes them.
type App struct {
	Settings Settings
	Log      *slog.Logger
	Metrics  *metric.Set

	DB      *db.DB
	Redis   live.Conn
	Hub     *live.Hub
	Work    *work.Runner
	Workers *workers.Workers
	Ledger  *event.Ledger
	Authz   *authz.Authorizer
	Vault   *vault.Vault
	Door    *door.Door
	Limit   *limit.Limiter

	Accounts      *account.Service
	Profiles      *profile.Service
	Organizations *organization.Service
	Members       *membership.Service
	Invitations   *invitation.Service
	Registrations *registration.Service
	Recoveries    *recovery.Service
	Credentials   *credential.Service
	Factors       *factor.Service
	Sessions      *session.Service
	Keys          *apikey.Service
	Machines      *machine.Service
	Mails         *mail.Service
	Approvals     *approval.Service
	Audits        *audit.Service
	SSO           *sso.Service

	Applications *application.Service
	Recipes      *recipe.Service
	Connections  *connection.Service
	Checks       *domaincheck.Service
	Certificates *certificate.Service
	EdgeEntries  *edgeentry.Service
	EdgeUsage    *usage.Edges
	Widgets      *widget.Service
	Webhooks     *webhook.Service
	Monitor      *monitor.Service
	Notices      *notice.Service
	Catalogue    *provider.Catalogue
	Engine       *dnscheck.Engine

	plans   billing.Subscriptions
	parts   []part.Part
	nonces  *nonces
	host    hostname.Policy
	goodbye func(context.Context) // ends the sockets of Handler
}

// Build assembles the product on an open, migrated database. r may be nil: one process then serves alone.
func Build(ctx context.Context, s Settings, d *db.DB, r live.Conn, log *slog.Logger) (*App, error) {
	return build(ctx, s, d, r, log, metric.New())
}

func build(ctx context.Context, s Settings, d *db.DB, r live.Conn, log *slog.Logger, metrics *metric.Set) (*App, error) {
	a := &App{Settings: s, Log: log, DB: d, Redis: r, Metrics: metrics, plans: billing.Subscriptions{Plan: billing.BuiltIn}}
	if err := a.spine(); err != nil {
		return nil, err
	}
	if err := a.platform(); err != nil {
		return nil, err
	}
	if err := a.connect(ctx); err != nil {
		return nil, err
	}
	if err := a.singleSignOn(ctx); err != nil {
		return nil, err
	}
	return a, a.join()
}

// spine builds the five mechanisms.
func (a *App) spine() error {
	door.Register()
	kek, former, err := keks(a.Settings)
	if err != nil {
		return err
	}
	a.Vault = vault.New(a.DB, kek, former...)
	a.Hub = live.NewHub(a.Redis)
	a.Limit = limit.New(a.Redis)
	a.Work = &work.Runner{DB: a.DB, Tell: func(subject string) { a.Hub.Poke(subject, 0) }}
	a.Authz = authz.New(a.DB)
	a.Ledger = &event.Ledger{DB: a.DB, Hub: a.Hub, Work: a.Work}
	counter := &usage.Counter{LimitOf: func(_ context.Context, _ ident.OrgID, metric string) (usage.Limit, bool) {
		for _, q := range billing.BuiltIn.Quotas {
			if q.Metric == metric {
				return usage.FromPlan(q.Limit, q.Hard), true
			}
		}
		return usage.Limit{}, false
	}}
	a.Door = &door.Door{DB: a.DB, Authz: a.Authz, Ledger: a.Ledger, Vault: a.Vault, Hub: a.Hub, Quota: counter,
		Guards: []door.Guard{billing.Entitlement{Plan: billing.BuiltIn, Offered: billing.Offered}, billing.StepUp{Confirmed: func(ctx context.Context, tx *db.Tx, user ident.UserID) ([]string, error) {
			return a.Factors.Confirmed(ctx, tx, user)
		}}}, Name: a.nameOf}
	return nil
}

// keks are the key-encryption keys, the current one and those before it.
func keks(s Settings) (current vault.KEK, former []vault.KEK, err error) {
	if current, err = vault.LoadKEK(s.KEK, s.Profile == "lab"); err != nil {
		return current, nil, err
	}
	for _, from := range s.FormerKEKs {
		k, err := vault.LoadKEK(from, false)
		if err != nil {
			return current, nil, err
		}
		former = append(former, k)
	}
	return current, former, nil
}

// connect builds the product's core.
func (a *App) connect(ctx context.Context) (err error) {
	s, lab := a.Settings, a.Settings.Profile == "lab"
	rows := s.CatalogueRows
	if lab {
		rows = append(rows, provider.LabRows)
	}
	if s.ProviderFile != "" {
		raw, err := provider.ReadFile(s.ProviderFile)
		if err != nil {
			return fmt.Errorf("read provider.catalogue: %w", err)
		}
		rows = append(rows, raw)
	}
	if a.Catalogue, err = provider.Load(rows...); err != nil {
		return fmt.Errorf("read provider.catalogue: %w", err)
	}
	if a.nonces, err = newNonces(ctx, a.Vault, a.DB.Now); err != nil {
		return err
	}
	a.host = hostname.Policy{Lab: lab, Extra: s.PSLExtra, OwnZones: ownZones(s)}
	outside := safehttp.Options{AllowLoopbackHTTP: lab}
	a.EdgeEntries = &edgeentry.Service{DB: a.DB, Authz: a.Authz, Hub: a.Hub, Zone: s.Edge.Zone, Vault: a.Vault}
	a.EdgeUsage = &usage.Edges{DB: a.DB}
	a.Recipes = &recipe.Service{DB: a.DB, Authz: a.Authz}
	a.Applications = &application.Service{DB: a.DB, Door: a.Door, Authz: a.Authz, Hub: a.Hub, Seeds: a.Recipes, Edge: a.EdgeEntries, Outside: outside, Lab: lab, OwnZones: ownZones(s)}
	if err := a.engine(); err != nil {
		return err
	}
	a.Connections = &connection.Service{DB: a.DB, Door: a.Door, Authz: a.Authz, Ledger: a.Ledger, Hub: a.Hub, Work: a.Work, Applications: a.Applications, Recipes: a.Recipes,
		Edge: a.EdgeEntries, Analyzer: a.Engine, Catalogue: a.Catalogue, Records: &record.Store{}, Claims: &claim.Claims{}, Checks: &check.Store{Providers: a.Catalogue}, Limit: a.Limit,
		Settings: connection.Settings{EdgeZone: s.Edge.Zone, EdgeV4: s.Edge.V4, EdgeV6: s.Edge.V6, NameServers: handover(s), Hostnames: a.host}}
	a.Applications.Connections = a.Connections
	if err := a.certificates(); err != nil {
		return err
	}
	a.Checks = &domaincheck.Service{Authz: a.Authz, Limit: a.Limit, Applications: a.Applications, Recipes: a.Recipes, Engine: a.Engine, Existing: a.existing,
		Settings: domaincheck.Settings{EdgeZone: s.Edge.Zone, EdgeV4: s.Edge.V4, EdgeV6: s.Edge.V6, Delegation: len(handover(s)) > 0, Hostnames: a.host}}
	a.Widgets = &widget.Service{DB: a.DB, Door: a.Door, Authz: a.Authz, Vault: a.Vault, Applications: a.Applications, Hostnames: a.host, Origin: s.ConsoleOrigin, OrgOfConnection: a.Connections.OrgOf,
		Delegation: len(handover(s)) > 0}
	a.Webhooks = &webhook.Service{DB: a.DB, Door: a.Door, Authz: a.Authz, Vault: a.Vault, Hub: a.Hub, Work: a.Work, Outside: outside, OrgOfApplication: a.Applications.OrgOf}
	a.Monitor = &monitor.Service{DB: a.DB, Door: a.Door, Authz: a.Authz}
	a.Notices = &notice.Service{Door: a.Door, Mails: a.Mails, Console: s.ConsoleOrigin}
	a.Connections.Measure(a.Metrics)
	a.Webhooks.Measure(a.Metrics)
	a.EdgeEntries.Measure(a.Metrics)
	return nil
}

// certificates builds the orders and what the edges ask of them.
func (a *App) certificates() error {
	s := a.Settings.ACME
	a.Certificates = &certificate.Service{DB: a.DB, Door: a.Door, Authz: a.Authz, Vault: a.Vault, Work: a.Work, Connections: a.Connections, Edge: a.EdgeEntries, Metrics: a.Metrics, Log: a.Log}
	servers := nameServersAt(a.Settings)
	a.Certificates.Answers = func(ctx context.Context, name string, texts []string) error {
		return edgedns.AskAll(ctx, servers, name, texts)
	}
	for _, m := range s.Contact {
		a.Certificates.Contact = append(a.Certificates.Contact, "mailto:"+m)
	}
	for _, ca := range s.CAs {
		roots, err := pool(ca.Roots)
		if err != nil {
			return fmt.Errorf("read the roots of acme.cas %s: %w", ca.Name, err)
		}
		a.Certificates.CAs = append(a.Certificates.CAs, certificate.CA{Name: ca.Name, Directory: ca.Directory, Identities: []string{ca.Identity}, Roots: roots, Persist: ca.Persist})
	}
	return nil
}

// authorities are the CAs as CAA is read for them.
func (a *App) authorities() []caa.CA {
	var out []caa.CA
	for _, i := range a.Certificates.Issuers() {
		out = append(out, caa.CA{Name: i.CA, Identities: i.Identities, AccountURI: i.AccountURI})
	}
	return out
}

// existing finds the caller's own open connection of a name; nil for none and for somebody else's.
func (a *App) existing(ctx context.Context, app *application.Application, host string) (*domaincheck.ExistingConnection, error) {
	c, err := a.Connections.ByHostname(ctx, app, host)
	if err != nil || c == nil || !connection.Own(authz.From(ctx), c) {
		return nil, err
	}
	return &domaincheck.ExistingConnection{ConnectionID: c.ID, Resumable: c.State != connection.Live}, nil
}

// engine builds the DNS engine.
func (a *App) engine() error {
	e, err := a.Settings.DNSCheck()
	if err != nil {
		return err
	}
	a.Engine = &dnscheck.Engine{Settings: e, Catalogue: a.Catalogue, Now: a.DB.Now, Nonce: a.nonces.Of, CAs: a.authorities,
		Offer: domainconnect.New(a.Catalogue, safehttp.Options{AllowLoopbackHTTP: a.Settings.Profile == "lab"}).Offer}
	return nil
}

// join adds up what the parts contribute.
func (a *App) join() error {
	a.parts = []part.Part{
		a.Accounts.Part(), a.Sessions.Part(), a.Approvals.Part(), a.Organizations.Part(), a.Members.Part(), a.Profiles.Part(), a.Invitations.Part(), a.Registrations.Part(), a.Credentials.Part(), a.Recoveries.Part(), a.Factors.Part(), a.Keys.Part(), a.Machines.Part(), a.SSO.Part(), a.Mails.Part(), a.Audits.Part(), a.Notices.Part(),
		a.Applications.Part(), a.Recipes.Part(), a.Connections.Part(), a.Checks.Part(), a.Certificates.Part(), a.EdgeEntries.Part(), a.EdgeUsage.Part(), a.Widgets.Part(), a.Webhooks.Part(), a.Monitor.Part(),
		{Name: "provider", Grants: []authz.Grant{{Permission: "provider.read", Roles: []authz.Role{authz.Member, authz.Owner, authz.BillingAdmin}, Widget: []string{"ANY"}, What: "see the provider catalogue"}}},
		{Name: "door", Periodics: []work.Periodic{a.Door.Forget(), a.Door.Refusals(), a.Ledger.Partitions()}},
		{Name: "house", Ready: a.checks()},
	}
	for _, p := range a.parts {
		a.Authz.Add(p.Grants...)
		a.Ledger.Readers = append(a.Ledger.Readers, p.Readers...)
	}
	var err error
	a.Workers, err = workers.Join(a.DB, a.Work, a.Hub, a.Metrics, a.parts, a.Ledger.Queue(), a.Ledger.Sweep())
	return err
}

// routes are what the parts answer beside GraphQL.
func (a *App) routes() (all []part.Route) {
	for _, p := range a.parts {
		all = append(all, p.Routes...)
	}
	return all
}

func ownZones(s Settings) []string {
	var out []string
	if s.Edge.Zone != "" {
		out = append(out, s.Edge.Zone)
	}
	return out
}

// pool reads a PEM file of roots; "" is the system's (nil).
func pool(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(raw) {
		return nil, errors.New(path + " holds no certificate in PEM")
	}
	return p, nil
}
