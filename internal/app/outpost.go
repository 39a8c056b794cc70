package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/nameplate-dev/nameplate/edge"
	"github.com/nameplate-dev/nameplate/edge/disk"
	edgedns "github.com/nameplate-dev/nameplate/edge/dns"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/metric"
	"github.com/nameplate-dev/nameplate/internal/kit/run"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
	"github.com/nameplate-dev/nameplate/internal/platform/usage"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
)

// Outpost is a node of the edge with what it needs of the house behind it. The house is the assembled product on its database. Where edge.state_dir is set, the
// edge begins without it: it serves what its disk remembers, and the house comes when the database answers.
type Outpost struct {
	Metrics *metric.Set

	settings Settings
	log      *slog.Logger
	disk     *disk.Disk // nil: it remembers nothing
	house    atomic.Pointer[App]
	packed   atomic.Pointer[luggage]
	poked    chan struct{}
	nonces   *nonces
}

var errAway = errors.New("the database was not reached since the edge started")

const (
	reachTime  = 5 * time.Second // for the database at the start, when the disk has something to begin with
	reachAgain = 2 * time.Second
)

// OpenOutpost opens the disk and reaches for the house. Without the house it answers an error, unless the disk remembers what an edge needs. Close it.
func OpenOutpost(ctx context.Context, s Settings, log *slog.Logger) (_ *Outpost, err error) {
	o := &Outpost{Metrics: metric.New(), settings: s, log: log, poked: make(chan struct{}, 1)}
	defer func() {
		if err != nil {
			o.Close()
		}
	}()
	if err := o.openDisk(); err != nil {
		return nil, err
	}
	first, cancel := context.WithCancel(ctx)
	if o.packed.Load() != nil {
		first, cancel = context.WithTimeout(ctx, reachTime)
	}
	defer cancel()
	switch err := o.reach(first, o.Metrics); {
	case err != nil && o.packed.Load() == nil:
		return nil, err
	case err != nil:
		log.WarnContext(ctx, "the edge begins without its database", "err", err)
	}
	o.nonces, err = newNonces(ctx, o, o.now)
	return o, err
}

// outpost is the node of a process that has the house already.
func (a *App) outpost() *Outpost {
	o := &Outpost{Metrics: a.Metrics, settings: a.Settings, log: a.Log, poked: make(chan struct{}, 1), nonces: a.nonces}
	o.join(a)
	return o
}

func (o *Outpost) openDisk() error {
	if o.settings.Edge.StateDir == "" {
		return nil
	}
	kek, former, err := keks(o.settings)
	if err != nil {
		return err
	}
	seal, err := vault.NewLocal("edge", kek, former...)
	if err != nil {
		return err
	}
	if o.disk, err = disk.Open(o.settings.Edge.StateDir, seal); err != nil {
		return fmt.Errorf("open edge.state_dir: %w", err)
	}
	return o.unpack()
}

// reach opens the house.
func (o *Outpost) reach(ctx context.Context, metrics *metric.Set) error {
	a, err := open(ctx, o.settings, o.log, metrics)
	if err != nil {
		return err
	}
	o.join(a)
	return nil
}

func (o *Outpost) join(a *App) {
	a.Hub.On(edgeentry.Subject, o.poke)
	o.house.Store(a)
	o.poke()
}

func (o *Outpost) poke() {
	select {
	case o.poked <- struct{}{}:
	default:
	}
}

// Close lets go of the database and of the disk.
func (o *Outpost) Close() {
	if a := o.house.Load(); a != nil {
		a.Close()
	}
	if o.disk != nil {
		if err := o.disk.Close(); err != nil {
			o.log.Error("close edge.state_dir", "err", err)
		}
	}
}

// Base is what the process runs beside the edge: the house's own parts, once it is there.
func (o *Outpost) Base() []run.Part {
	parts := []run.Part{{Name: "house", Run: o.run, Grace: 5 * time.Second}, {Name: "nonces", Run: o.nonces.Run}}
	if o.disk != nil {
		parts = append(parts, run.Part{Name: "luggage", Run: o.pack})
	}
	return parts
}

func (o *Outpost) run(ctx context.Context) error {
	t := time.NewTicker(reachAgain)
	defer t.Stop()
	var last string
	for o.house.Load() == nil {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		metrics := metric.Bare()
		switch err := o.reach(ctx, metrics); {
		case err == nil:
			o.Metrics.Add(metrics)
			o.log.InfoContext(ctx, "the edge has reached its database")
		case err.Error() != last && ctx.Err() == nil:
			last = err.Error()
			o.log.WarnContext(ctx, "the edge is still without its database", "err", err)
		}
	}
	return run.All(ctx, o.house.Load().Base()...)
}

// Listen opens the edge's listeners, so that a port that is taken is found out before anything runs.
func (o *Outpost) Listen(ctx context.Context) (run.Part, *edge.Edge, error) {
	s := o.settings
	e := &edge.Edge{
		HTTP: s.Edge.HTTP, HTTPS: s.Edge.HTTPS, HTTP3: s.Edge.HTTP3, Ask: s.Edge.Ask, AskToken: s.Edge.AskToken, PublicHTTPS: s.Edge.PublicHTTPS, Version: s.BuildVersion, Addresses: append(append([]netip.Addr{}, s.Edge.V4...), s.Edge.V6...),
		Projection: projection{o}, Poked: o.poked, Keys: keys{o}, Challenges: challenges{o}, Nonce: o.nonces, Missing: o.missing, Tickets: derived{o, o.now}.tickets, Disk: o.disk,
		DNS: o.zoneServer(), Upstreams: safehttp.Options{AllowLoopbackHTTP: s.Profile == "lab"}, ProxyRanges: provider.ProxyRanges, Meter: o.meter, TrustedProxies: s.Edge.Proxies, Metrics: o.Metrics, Log: o.log,
	}
	if err := e.Listen(ctx); err != nil {
		return run.Part{}, nil, fmt.Errorf("open the edge: %w", err)
	}
	return run.Part{Name: "edge", Run: e.Run, Grace: 9 * time.Second}, e, nil
}

// MetricsServer answers /metrics on l, and nothing else.
func (o *Outpost) MetricsServer(l net.Listener) run.Part { return metricsServer(l, o.Metrics, o.log) }

func (o *Outpost) now() time.Time {
	if a := o.house.Load(); a != nil {
		return a.DB.Now()
	}
	return time.Now().UTC()
}

// behind asks the house, where it is there.
func behind[T any](o *Outpost, ask func(a *App) (T, error)) (T, error) {
	if a := o.house.Load(); a != nil {
		return ask(a)
	}
	var none T
	return none, errAway
}

// projection is the house's projection.
type projection struct{ *Outpost }

func (p projection) Load(ctx context.Context) (edgeentry.Snapshot, error) {
	return behind(p.Outpost, func(a *App) (edgeentry.Snapshot, error) { return a.EdgeEntries.Load(ctx) })
}

func (p projection) Delta(ctx context.Context, after int64) (edgeentry.Snapshot, error) {
	return behind(p.Outpost, func(a *App) (edgeentry.Snapshot, error) { return a.EdgeEntries.Delta(ctx, after) })
}

func (p projection) Generation(ctx context.Context) (int64, error) {
	return behind(p.Outpost, func(a *App) (int64, error) { return a.EdgeEntries.Generation(ctx) })
}

func (p projection) Heartbeat(ctx context.Context, n edgeentry.Node) error {
	_, err := behind(p.Outpost, func(a *App) (struct{}, error) { return struct{}{}, a.EdgeEntries.Heartbeat(ctx, n) })
	return err
}

func (p projection) Leave(ctx context.Context, id ident.EdgeNodeID) error {
	_, err := behind(p.Outpost, func(a *App) (struct{}, error) { return struct{}{}, a.EdgeEntries.Leave(ctx, id) })
	return err
}

// keys are the house's certificates.
type keys struct{ *Outpost }

func (k keys) Load(ctx context.Context, id ident.CertificateID) (*tls.Certificate, error) {
	return behind(k.Outpost, func(a *App) (*tls.Certificate, error) { return a.Certificates.Load(ctx, id) })
}

// challenges are those of the house's orders.
type challenges struct{ *Outpost }

func (c challenges) HTTP01(ctx context.Context, host, token string) (string, error) {
	return behind(c.Outpost, func(a *App) (string, error) { return a.Certificates.HTTP01(ctx, host, token) })
}

func (c challenges) TLSALPN01(ctx context.Context, host string) (*tls.Certificate, error) {
	return behind(c.Outpost, func(a *App) (*tls.Certificate, error) { return a.Certificates.TLSALPN01(ctx, host) })
}

func (o *Outpost) missing(id ident.ConnectionID) {
	if a := o.house.Load(); a != nil {
		a.Certificates.Wanted(id)
	}
}

// meter counts what an edge reports.
func (o *Outpost) meter(ctx context.Context, node ident.EdgeNodeID, batch int64, uses []edge.Use) error {
	rows := make([]usage.EdgeUse, len(uses))
	for n, u := range uses {
		rows[n] = usage.EdgeUse(u)
	}
	_, err := behind(o, func(a *App) (struct{}, error) { return struct{}{}, a.EdgeUsage.Add(ctx, node, batch, rows) })
	return err
}

// zoneServer is the edge zone's name server of this node; nil when it has no listeners.
func (o *Outpost) zoneServer() *edgedns.Server {
	s := o.settings
	if len(s.Edge.DNS) == 0 {
		return nil
	}
	d := &edgedns.Server{
		Zone: s.Edge.Zone, Listeners: s.Edge.DNS, V4: s.Edge.V4, V6: s.Edge.V6, NameServers: nameServers(s), CAs: o.caaOfTargets, HTTPS: s.Edge.HTTPSRecords, Transfers: s.Edge.Transfers,
		CookieSecrets: derived{o, o.now}.cookieSecrets, Now: o.now, Metrics: o.Metrics, Log: o.log,
	}
	if s.Edge.DNSSEC {
		d.Keys = o.zoneKeys
	}
	return d
}
