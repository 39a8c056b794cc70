package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/nameplate-dev/nameplate/edge"
	edgedns "github.com/nameplate-dev/nameplate/edge/dns"
	"github.com/nameplate-dev/nameplate/frontend"
	"github.com/nameplate-dev/nameplate/graph"
	"github.com/nameplate-dev/nameplate/graph/gql"
	"github.com/nameplate-dev/nameplate/graph/loader"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/internal/kit/httpx"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/run"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
	"github.com/nameplate-dev/nameplate/internal/platform/usage"
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
		Applications: a.Applications, Recipes: a.Recipes, Connections: a.Connections, DomainChecks: a.Checks, Providers: a.Catalogue, Certificates: a.Certificates, Widgets: a.Widgets, Webhooks: a.Webhooks,
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
func (a *App) MetricsServer(l net.Listener) run.Part {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.Metrics.Handler())
	s := &httpx.Server{Listener: l, Handler: mux, Log: a.Log}
	return run.Part{Name: "metrics", Run: s.Run, Grace: 3 * time.Second}
}

// Edge builds a node of the edge and, when it has listeners, the edge zone's name server.
func (a *App) Edge() *edge.Edge {
	s := a.Settings
	poked := make(chan struct{}, 1)
	a.Hub.On(edgeentry.Subject, func() {
		select {
		case poked <- struct{}{}:
		default:
		}
	})
	return &edge.Edge{
		HTTP: s.Edge.HTTP, HTTPS: s.Edge.HTTPS, Ask: s.Edge.Ask, AskToken: s.Edge.AskToken, PublicHTTPS: s.Edge.PublicHTTPS, Version: s.BuildVersion, Addresses: append(append([]netip.Addr{}, s.Edge.V4...), s.Edge.V6...),
		Projection: a.EdgeEntries, Poked: poked, Keys: a.Certificates, Challenges: a.Certificates, Nonce: a.nonces, Missing: a.Certificates.Wanted, Tickets: a.tickets,
		DNS: a.zoneServer(), Upstreams: safehttp.Options{AllowLoopbackHTTP: s.Profile == "lab"}, ProxyRanges: provider.ProxyRanges, Meter: a.meter, TrustedProxies: s.Edge.Proxies, Metrics: a.Metrics, Log: a.Log,
	}
}

// meter counts what an edge reports.
func (a *App) meter(ctx context.Context, node ident.EdgeNodeID, batch int64, uses []edge.Use) error {
	rows := make([]usage.EdgeUse, len(uses))
	for n, u := range uses {
		rows[n] = usage.EdgeUse(u)
	}
	return a.EdgeUsage.Add(ctx, node, batch, rows)
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

// ListenEdge opens the edge's listeners, so that a port that is taken is found out before anything runs.
func (a *App) ListenEdge(ctx context.Context) (run.Part, *edge.Edge, error) {
	e := a.Edge()
	if err := e.Listen(ctx); err != nil {
		return run.Part{}, nil, fmt.Errorf("open the edge: %w", err)
	}
	return run.Part{Name: "edge", Run: e.Run, Grace: 9 * time.Second}, e, nil
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
