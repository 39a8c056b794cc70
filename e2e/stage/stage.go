// Package stage joins the lab's world and the product in one process: every start is a clean stage, with a fresh database, a fresh world, one
// developer, one application and one API key. Nothing survives its end.
package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/mail"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/devdb"
	"github.com/nameplate-dev/nameplate/internal/app"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/run"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/smtp"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/lab"
)

// Who signs in on every stage. The stage is reachable from loopback alone.
const (
	Email        = "dev@acme.example"
	Password     = "nameplate-lab"
	Organization = "acme"
	HookSecret   = "nameplate-lab-hook" // signs reports to /hooks/mail
	consolePort  = 20100
	metricsPort  = 20150
)

// Config of a stage; the zero value takes the fixed ports.
type Config struct {
	FreePorts    bool
	CertLifetime time.Duration // of the CAs' certificates; 0: 90 days
	Log          io.Writer     // where the product logs; nil: nowhere
	LogLevel     string
	Redis        string // address of a Redis; "": one in process
	Closed       Closed // ports that a firewall in front of the edge keeps shut
}

// Closed are ports at which visitors, CAs and probes find nobody: the edge listens at others, as one behind a firewall does.
type Closed struct{ HTTP, HTTPS bool }

// Addresses is the contract for scripts: what the file of `nameplate-lab --addresses` holds.
type Addresses struct {
	GraphQL         string `json:"graphql"`
	GraphQLWS       string `json:"graphqlWs"`
	APIKey          string `json:"apiKey"`
	ApplicationID   string `json:"applicationId"`
	OrganizationID  string `json:"organizationId"`
	Zones           string `json:"zones"`
	EdgeHTTPS       string `json:"edgeHttps"`
	EdgeHTTP        string `json:"edgeHttp"`
	CARoot          string `json:"caRoot"`
	Console         string `json:"console"`
	HostPage        string `json:"hostPage"`
	EvilPage        string `json:"evilPage"`
	Lab             string `json:"lab"`
	Mail            string `json:"mail"`
	Metrics         string `json:"metrics"`
	ConsoleEmail    string `json:"consoleEmail"`
	ConsolePassword string `json:"consolePassword"`
}

// Stage is a running world with a running product in it.
type Stage struct {
	World     *lab.World
	App       *app.App
	Addresses Addresses
	User      ident.UserID
	Org       ident.OrgID
	AppID     ident.ApplicationID
	DSN       string // of the database
	RedisAddr string

	closers []func()
	done    chan error
	stop    context.CancelFunc
}

// Open builds everything and answers when all is ready.
func Open(ctx context.Context, c Config) (_ *Stage, err error) {
	s := &Stage{done: make(chan error, 1)}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	dir, err := os.MkdirTemp("", "nameplate-lab-")
	if err != nil {
		return nil, err
	}
	s.later(func() { os.RemoveAll(dir) })
	d, world, err := s.both(ctx, c)
	if err != nil {
		return nil, err
	}
	s.World = world
	settings, listener, err := s.settings(c, dir)
	if err != nil {
		return nil, err
	}
	rds, err := s.redis(c)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	if c.Log != nil {
		log = app.NewLog(c.Log, settings)
	}
	if s.App, err = app.Build(ctx, settings, d, rds, log); err != nil {
		return nil, err
	}
	s.later(world.Clock.OnAdvance(func(time.Duration) { s.App.DB.SetClock(world.Clock.Now) }))
	if err := s.start(ctx, c, listener); err != nil {
		return nil, err
	}
	return s, s.seed(ctx, listener)
}

// both makes the world and the database at the same time: each takes a moment.
func (s *Stage) both(ctx context.Context, c Config) (*db.DB, *lab.World, error) {
	var wg sync.WaitGroup
	var data *devdb.Database
	var failed error
	wg.Go(func() { data, failed = devdb.Fresh(ctx, db.MaxConns(24), db.Name("nameplate-lab")) })
	world, err := lab.New(ctx, lab.Config{FreePorts: c.FreePorts, CertLifetime: c.CertLifetime})
	wg.Wait()
	if failed == nil {
		s.later(data.Close)
		s.DSN = data.DSN
	}
	if err == nil {
		s.later(func() { world.Close() })
	}
	if err := errors.Join(failed, err); err != nil {
		return nil, nil, err
	}
	return data.DB, world, nil
}

// settings are those of the lab profile for this world, with the files that they name in dir.
func (s *Stage) settings(c Config, dir string) (app.Settings, net.Listener, error) {
	w := s.World
	roots, directory := filepath.Join(dir, "ca-root.pem"), filepath.Join(dir, "acme-directory.pem")
	for path, pem := range map[string][]byte{roots: []byte(w.RootsPEM()), directory: []byte(w.DirectoryRootPEM())} {
		if err := os.WriteFile(path, pem, 0o644); err != nil {
			return app.Settings{}, nil, err
		}
	}
	l, err := listen(c.FreePorts, consolePort)
	if err != nil {
		return app.Settings{}, nil, err
	}
	s.later(func() { l.Close() })
	origin := "http://localhost:" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	httpPort, httpsPort := port(w.Addresses.EdgeHTTP), port(w.Addresses.EdgeHTTPS)
	e := app.EdgeSettings{Zone: lab.EdgeZone, V4: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, PublicHTTPS: httpsPort, HTTP: []string{w.Addresses.EdgeHTTP}, HTTPS: []string{w.Addresses.EdgeHTTPS}}
	if v6(httpPort) && v6(httpsPort) {
		e.V6 = []netip.Addr{netip.IPv6Loopback()}
		e.HTTP, e.HTTPS = append(e.HTTP, net.JoinHostPort("::1", strconv.Itoa(httpPort))), append(e.HTTPS, net.JoinHostPort("::1", strconv.Itoa(httpsPort)))
	}
	if c.Closed.HTTP {
		e.HTTP = []string{"127.0.0.1:0"}
	}
	if c.Closed.HTTPS {
		e.HTTPS = []string{"127.0.0.1:0"}
	}
	for n, a := range w.Addresses.Edge {
		e.DNS = append(e.DNS, a.String())
		e.NameServers = append(e.NameServers, app.NameServer{Label: fmt.Sprintf("ns%d", n+1), Addresses: []netip.Addr{a.Addr()}})
	}
	out := app.Settings{
		Profile: "lab", KEK: "file:" + filepath.Join(dir, "kek"), LogFormat: "text", LogLevel: c.LogLevel, Listen: l.Addr().String(), ConsoleOrigin: origin, Edge: e, WebhookAllow: true, BuildVersion: "lab",
		DNS:      app.DNSSettings{RootHints: []app.Root{{Name: "a.root-servers.lab", Address: w.Addresses.Root.Addr()}}, TrustAnchors: []string{w.Anchor()}, Port: w.Addresses.DNSPort, AllowPrivate: true},
		Probe:    app.ProbeSettings{Roots: roots, HTTP: httpPort, HTTPS: httpsPort},
		PSLExtra: []string{"co.lab", "private:pages.lab"},
		ACME:     app.ACMESettings{Contact: []string{"ops@nameplate.example"}},
		Mail:     app.MailSettings{Host: "127.0.0.1", Port: port(w.Addresses.SMTP), TLS: smtp.Off, From: mail.Address{Name: "Nameplate", Address: "no-reply@nameplate.example"}, Hook: secret.New(HookSecret)},
		SMS:      app.SMSSettings{Gateway: texts{w.Mail}}, Terms: "1", OobFactors: true,
	}
	for n, r := range w.Recursors() {
		out.DNS.Resolvers = append(out.DNS.Resolvers, app.Resolver{Name: fmt.Sprintf("resolver-%d", n+1), Region: r.Region, Address: r.Addr})
	}
	for _, name := range []string{"main", "second"} {
		ca := w.CA(name)
		out.ACME.CAs = append(out.ACME.CAs, app.CA{Name: name, Directory: ca.DirectoryURL(), Identity: ca.Identity, Roots: directory, Persist: name == "main"})
	}
	s.Addresses.CARoot = roots
	return out, l, nil
}

// redis is the given one, or one in process whose clock is made to run.
func (s *Stage) redis(c Config) (live.Conn, error) {
	addr := c.Redis
	if addr == "" {
		m, err := miniredis.Run()
		if err != nil {
			return nil, fmt.Errorf("start the embedded Redis: %w", err)
		}
		tick, stopped := time.NewTicker(time.Second), make(chan struct{})
		go func() {
			for {
				select {
				case <-tick.C:
					m.FastForward(time.Second)
				case <-stopped:
					return
				}
			}
		}()
		s.later(func() { tick.Stop(); close(stopped); m.Close() })
		addr = m.Addr()
	}
	s.RedisAddr = addr
	r, err := live.Connect("redis://" + addr)
	if err != nil {
		return nil, err
	}
	s.later(func() { r.Close() })
	return r, nil
}

// start runs the product's parts until Close.
func (s *Stage) start(ctx context.Context, c Config, l net.Listener) error {
	edge, _, err := s.App.ListenEdge(ctx)
	if err != nil {
		return err
	}
	h, err := s.App.Handler()
	if err != nil {
		return err
	}
	m, err := listen(c.FreePorts, metricsPort)
	if err != nil {
		return err
	}
	s.later(func() { m.Close() })
	s.Addresses.Metrics = "http://" + m.Addr().String() + "/metrics"
	parts := append(s.App.Base(), s.App.Worker(), edge, s.App.Server(l, h), s.App.MetricsServer(m))
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	go func() { s.done <- run.All(life, parts...) }()
	return nil
}

func (s *Stage) later(fn func()) { s.closers = append(s.closers, fn) }

// Wait answers when the product ends by itself: something failed.
func (s *Stage) Wait() <-chan error { return s.done }

// Close stops everything and leaves nothing behind.
func (s *Stage) Close() error {
	var err error
	if s.stop != nil {
		s.stop()
		err = <-s.done
		s.stop = nil
	}
	s.close()
	return err
}

func (s *Stage) close() {
	if s.stop != nil {
		s.stop()
		<-s.done
		s.stop = nil
	}
	for n := len(s.closers) - 1; n >= 0; n-- {
		s.closers[n]()
	}
	s.closers = nil
}

// listen takes the fixed port, the next free one above it, or any free one.
func listen(free bool, first int) (net.Listener, error) {
	if free {
		return net.Listen("tcp", "127.0.0.1:0")
	}
	for p := first; p < first+50; p++ {
		if l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(p)); err == nil {
			return l, nil
		}
	}
	return nil, fmt.Errorf("no port from %d on is free", first)
}

func port(hostport string) int {
	_, p, _ := net.SplitHostPort(hostport)
	n, _ := strconv.Atoi(p)
	return n
}

// v6 says whether the IPv6 loopback can be listened on at the port.
func v6(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("::1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	l.Close()
	return true
}
