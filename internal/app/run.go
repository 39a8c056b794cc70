package app

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/nameplate-dev/nameplate/edge"
	edgedns "github.com/nameplate-dev/nameplate/edge/dns"
	"github.com/nameplate-dev/nameplate/frontend"
	"github.com/nameplate-dev/nameplate/graph"
	"github.com/nameplate-dev/nameplate/graph/gql"
	"github.com/nameplate-dev/nameplate/graph/loader"
	"github.com/nameplate-dev/nameplate/internal/kit/httpx"
	"github.com/nameplate-dev/nameplate/internal/kit/metric"
	"github.com/nameplate-dev/nameplate/internal/kit/run"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/web"
	"github.com/nameplate-dev/nameplate/internal/web/rest"
	"github.com/nameplate-dev/nameplate/resolvers"
	"github.com/nameplate-dev/nameplate/widget"
)

// Base is what every process runs: pokes, the log of ended rights, and the loops of the parts.
func (a *App) Base() []run.Part {
	parts := []run.Part{
		{Name: "live", Run: a.Hub.Run},
		{Name: "revocation", Run: a.Authz.Revoked().Run},
		{Name: "nonces", Run: a.nonces.Run},
	}
	for _, p := range a.parts {
		for _, r := range p.Runs {
			parts = append(parts, run.Part{Name: r.Name, Run: r.Run})
		}
	}
	return parts
}

// Worker is what `nameplate work` runs beside the base: due rows, schedules and jobs.
func (a *App) Worker() run.Part {
	return run.Part{Name: "work", Run: a.Workers.Run, Grace: 9 * time.Second}
}

// Handler is what `nameplate serve` answers with: console, API, widget files and health.
func (a *App) Handler() (http.Handler, error) {
	r := resolvers.New(resolvers.Services{
		Accounts: a.Accounts, Profiles: a.Profiles, Sessions: a.Sessions, Organizations: a.Organizations, Members: a.Members, Invitations: a.Invitations, Keys: a.Keys, Machines: a.Machines, Mails: a.Mails, Audits: a.Audits,
		Credentials: a.Credentials, Registrations: a.Registrations, Recoveries: a.Recoveries, Factors: a.Factors, Approvals: a.Approvals, SSO: a.SSO,
		Applications: a.Applications, Recipes: a.Recipes, Connections: a.Connections, DomainChecks: a.Checks, Providers: a.Catalogue, Certificates: a.Certificates, Widgets: a.Widgets, Webhooks: a.Webhooks, EdgeEntries: a.EdgeEntries, Monitor: a.Monitor,
		Authz: a.Authz, Hub: a.Hub, Parts: a.parts, Spent: spent, Build: frontend.BuildHash(), Version: a.Settings.BuildVersion,
	})
	var routes, aliases http.Handler
	door := web.New(web.Config{
		GraphQL: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { routes.ServeHTTP(w, r) }),
		REST:    http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { aliases.ServeHTTP(w, r) }),
		Console: frontend.Console(frontend.Options{Origin: a.Settings.ConsoleOrigin}), Explorer: frontend.Explorer(frontend.Options{Origin: a.Settings.ConsoleOrigin}), Widget: widget.Files(),
		Sessions: a.Sessions, Credentials: a.Credentials, Factors: a.Factors, Keys: a.Keys, Machines: a.Machines, Accounts: a.Accounts, SSO: a.SSO,
		WidgetToken: a.Widgets.Authenticate, Origins: a.origins, Origin: a.Settings.ConsoleOrigin, Proxies: a.Settings.Proxies,
		Routes: append(a.routes(), a.forTests()...), Ready: a.ready, Keysfile: a.publicKeys, Log: a.Log,
	})
	schema := gql.NewPlanned(gql.Config{Resolvers: r})
	g, err := graph.New(graph.Config{
		Schema: schema, Inside: rest.Documents(),
		Bearer: door.Bearer, Origin: door.SocketOrigin, Revoked: a.Authz.Revoked(), Lasts: a.lasts, Limit: a.Limit, Hub: a.Hub, Ran: a.ran, Held: a.held(), Denied: a.Door.Denied, Metrics: a.Metrics,
		Around: func(ctx context.Context) context.Context { return loader.With(ctx, r.Loaders()) },
	})
	if err != nil {
		return nil, err
	}
	if aliases, err = rest.New(schema.Schema(), g.Run); err != nil {
		return nil, err
	}
	routes, a.goodbye = g, g.Close
	return door, nil
}

// spent is the price of the running operation, as the field rateLimit shows it.
func spent(ctx context.Context) resolvers.Spent { return resolvers.Spent(graph.SpentOf(ctx)) }

// origins answers the test of an application's allowed origins; nil for an unknown key.
func (a *App) origins(ctx context.Context, key string) (func(string) bool, error) {
	app, err := a.Applications.ByPublicKey(ctx, key)
	if err != nil || app == nil {
		return nil, err
	}
	return app.Allows, nil
}

// Server serves the handler on l, and ends its sockets.
func (a *App) Server(l net.Listener, h http.Handler) run.Part {
	s := &httpx.Server{Listener: l, Handler: h, Log: a.Log, Goodbye: a.goodbye}
	return run.Part{Name: "http", Run: s.Run, Grace: 9 * time.Second}
}

// MetricsServer answers /metrics on l, and nothing else. They stand nowhere else: http.listen is open to everybody.
func (a *App) MetricsServer(l net.Listener) run.Part { return metricsServer(l, a.Metrics, a.Log) }

func metricsServer(l net.Listener, metrics *metric.Set, log *slog.Logger) run.Part {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics.Handler())
	s := &httpx.Server{Listener: l, Handler: mux, Log: log}
	return run.Part{Name: "metrics", Run: s.Run, Grace: 3 * time.Second}
}

// caaOfTargets is what every target publishes: our CAs, each with our account there.
func (a *App) caaOfTargets() []edgedns.CA {
	var out []edgedns.CA
	for _, ca := range a.authorities() {
		for _, id := range ca.Identities {
			out = append(out, edgedns.CA{Identity: id, AccountURI: ca.AccountURI})
		}
	}
	return out
}

// ListenEdge opens the listeners of an edge in a process that has the house already.
func (a *App) ListenEdge(ctx context.Context) (run.Part, *edge.Edge, error) {
	return a.outpost().Listen(ctx)
}

// lasts is asked by the sockets and event streams of browsers; the credentials of others end when they say.
func (a *App) lasts(ctx context.Context, caller authz.Principal) time.Time {
	if caller.SessionID.IsZero() || caller.Program {
		return time.Time{}
	}
	end, err := a.Sessions.Lasts(ctx, caller.SessionID)
	if err != nil {
		a.Log.WarnContext(ctx, "it is not known until when a session lasts", "err", err)
	}
	return end
}
