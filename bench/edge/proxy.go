package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/bench/rig"
	"github.com/nameplate-dev/nameplate/edge"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/metric"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
)

// setting is what a proxy is started with.
type setting struct {
	identity
	Dir    string
	Origin string // host:port
	Name   string // of the host; "" is host
	HTTP3  bool   // answer over QUIC too
	Names  int    // more names, every second of which may have a certificate; the address that is told is then that of /internal/ask
}

// proxy is one that can be measured.
type proxy struct {
	name  string
	begin func(context.Context, setting) (*process, string, error) // also says where it listens
}

var all = []proxy{{"ours", byRole("role:ours")}, {"caddy", caddy}, {"bare", byRole("role:bare")}, {"nginx", nginx}}

func byRole(name string) func(context.Context, setting) (*process, string, error) {
	return func(ctx context.Context, s setting) (*process, string, error) {
		var address string
		p, err := role(ctx, name, s, &address)
		return p, address, err
	}
}

// ours is the package edge as `nameplate edge` runs it, with a projection in memory. Its metrics are on, and its limits are counted.
func ours(ctx context.Context) error {
	var s setting
	if err := json.NewDecoder(os.Stdin).Decode(&s); err != nil {
		return err
	}
	if at := os.Getenv("BENCH_EDGE_PROFILE"); at != "" {
		f, err := os.Create(at)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	debug.SetGCPercent(800) // as the product does while its heap is small
	c, err := s.load()
	if err != nil {
		return err
	}
	id := ident.New[ident.CertificateID](time.Now())
	w := &world{keys: map[ident.CertificateID]*tls.Certificate{id: c}, entries: []edgeentry.Entry{{
		Hostname: cmp.Or(s.Name, host), ConnectionID: ident.New[ident.ConnectionID](time.Now()), OrgID: ident.New[ident.OrgID](time.Now()), Serve: true, CertAllowed: true, Mode: edgeentry.Proxy, CertificateID: &id, Generation: 1,
		Route: edgeentry.Route{Application: "Shop", CustomerRef: "cus-7", Upstream: &edgeentry.Upstream{OriginURL: "http://" + s.Origin, HostHeader: "CUSTOMER", TLSVerify: true}},
	}}}
	e := &edge.Edge{HTTP: []string{"127.0.0.1:0"}, HTTPS: []string{"127.0.0.1:0"}, HTTP3: s.HTTP3, Name: "bench", Projection: w, Keys: certificatesOf{w}, RequestRate: 1 << 30, Upstreams: safehttp.Options{AllowLoopbackHTTP: true}, Metrics: metric.New(), Grace: time.Second}
	for n := range s.Names {
		w.entries = append(w.entries, edgeentry.Entry{Hostname: hostOf(n), ConnectionID: ident.New[ident.ConnectionID](time.Now()), OrgID: ident.New[ident.OrgID](time.Now()), CertAllowed: n%2 == 0, Mode: edgeentry.Proxy, Generation: 1})
		e.Ask, e.AskToken = "127.0.0.1:0", secret.New(askToken)
	}
	if err := e.Listen(ctx); err != nil {
		return err
	}
	address := e.HTTPSAddrs()[0]
	if s.Names > 0 {
		address = e.AskAddr()
	}
	if err := json.NewEncoder(os.Stdout).Encode(address.String()); err != nil {
		return err
	}
	return e.Run(ctx)
}

// bare is the standard library's proxy as its documentation shows it, but for the number of connections that it keeps open.
func bare(ctx context.Context) error {
	var s setting
	if err := json.NewDecoder(os.Stdin).Decode(&s); err != nil {
		return err
	}
	c, err := s.load()
	if err != nil {
		return err
	}
	to := &url.URL{Scheme: "http", Host: s.Origin}
	srv := &http.Server{
		ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(os.Stderr, "", 0), TLSConfig: &tls.Config{Certificates: []tls.Certificate{*c}},
		Handler: &httputil.ReverseProxy{
			Rewrite:   func(p *httputil.ProxyRequest) { p.SetURL(to); p.SetXForwarded(); p.Out.Host = p.In.Host },
			Transport: &http.Transport{MaxIdleConns: 4096, MaxIdleConnsPerHost: 256, DisableCompression: true},
		},
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	if err := json.NewEncoder(os.Stdout).Encode(l.Addr().String()); err != nil {
		return err
	}
	if err := srv.ServeTLS(l, "", ""); err != http.ErrServerClosed {
		return err
	}
	return nil
}

const caddyfile = `{
	admin off
	auto_https off
	persist_config off
	servers {
		protocols h1 h2
	}
}
https://%[1]s:%[2]s {
	bind 127.0.0.1
	tls %[3]s %[4]s
	reverse_proxy %[5]s {
		transport http {
			keepalive_idle_conns_per_host 256
		}
	}
}
`

func caddy(ctx context.Context, s setting) (*process, string, error) {
	address, err := rig.FreeAddr()
	if err != nil {
		return nil, "", err
	}
	file := filepath.Join(s.Dir, "Caddyfile")
	if err := os.WriteFile(file, fmt.Appendf(nil, caddyfile, host, port(address), s.Cert, s.Key, s.Origin), 0o600); err != nil {
		return nil, "", err
	}
	p, err := launch(ctx, []string{"XDG_DATA_HOME=" + s.Dir, "XDG_CONFIG_HOME=" + s.Dir}, filepath.Join("bench", "edge", "peers", "caddy"), "run", "--config", file, "--adapter", "caddyfile")
	return ready(ctx, p, address, err)
}

const nginxConf = `daemon off;
worker_processes 2;
pid %[1]s/nginx.pid;
error_log stderr crit;
events { worker_connections 8192; }
http {
	access_log off;
	client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
	keepalive_requests 1000000;
	upstream origin { server %[5]s; keepalive 256; keepalive_requests 1000000; }
	map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
	server {
		listen 127.0.0.1:%[2]s ssl http2;
		server_name %[6]s;
		ssl_certificate %[3]s; ssl_certificate_key %[4]s;
		ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve prime256v1;
		location / {
			proxy_pass http://origin; proxy_http_version 1.1; proxy_buffering off; proxy_read_timeout 60s;
			proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto https;
			proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
		}
	}
}
`

func nginx(ctx context.Context, s setting) (*process, string, error) {
	address, err := rig.FreeAddr()
	if err != nil {
		return nil, "", err
	}
	file := filepath.Join(s.Dir, "nginx.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, nginxConf, s.Dir, port(address), s.Cert, s.Key, s.Origin, host), 0o600); err != nil {
		return nil, "", err
	}
	p, err := launch(ctx, nil, "nginx", "-e", "stderr", "-p", s.Dir, "-c", file)
	return ready(ctx, p, address, err)
}

// port is that of an address, as text.
func port(address string) string {
	_, port, _ := strings.Cut(address, ":")
	return port
}

func ready(ctx context.Context, p *process, address string, err error) (*process, string, error) {
	if err != nil {
		return nil, "", err
	}
	if err := listening(ctx, address); err != nil {
		p.stop()
		return nil, "", fmt.Errorf("%w: %.2000s", err, p.said.String())
	}
	return p, address, nil
}

// present says whether the proxy can be measured here.
func (p proxy) present() bool {
	if p.name != "nginx" {
		return true
	}
	_, err := exec.LookPath("nginx")
	return err == nil
}

// versions are those of the peers.
func versions(ctx context.Context) string {
	said := "Caddy of unknown version"
	if info, err := buildinfo.ReadFile(filepath.Join("bench", "edge", "peers", "caddy")); err == nil {
		for _, m := range append(info.Deps, &info.Main) {
			if m.Path == "github.com/caddyserver/caddy/v2" {
				said = "Caddy " + m.Version
			}
		}
	}
	if out, err := exec.CommandContext(ctx, "nginx", "-v").CombinedOutput(); err == nil {
		said += ", " + strings.TrimSpace(string(out))
	}
	return said + ", " + runtime.Version()
}
