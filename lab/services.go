package lab

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/nameplate-dev/nameplate/lab/acmeca"
	"github.com/nameplate-dev/nameplate/lab/authority"
	"github.com/nameplate-dev/nameplate/lab/hostpage"
	"github.com/nameplate-dev/nameplate/lab/look"
	"github.com/nameplate-dev/nameplate/lab/loopback"
	"github.com/nameplate-dev/nameplate/lab/origin"
	"github.com/nameplate-dev/nameplate/lab/panel"
	"github.com/nameplate-dev/nameplate/lab/provider"
	"github.com/nameplate-dev/nameplate/lab/sink"
	"github.com/nameplate-dev/nameplate/lab/visit"
)

type (
	// Embed is what the world learns of the product.
	Embed = hostpage.Product
	// Link is one more place on the lab page.
	Link = hostpage.Link
	// HookAnswer is what the webhook sink answers.
	HookAnswer = sink.HookAnswer
)

// startServices opens the HTTP and mail servers, in the order of their fixed ports.
func (w *World) startServices(ctx context.Context, cfg Config) error {
	l, err := w.listen(ctx, cfg.port(20025))
	if err != nil {
		return err
	}
	w.Mail = sink.StartMail(l, w.Clock.Now)
	w.stops = append(w.stops, w.Mail.Close)
	w.Addresses.SMTP = w.Mail.Addr
	w.Hooks = sink.NewHooks(w.Clock.Now)
	w.host, w.evil = &hostpage.Site{}, &hostpage.Site{Evil: true}

	sites := []struct {
		url     *string
		fixed   int
		handler func() http.Handler
	}{
		{&w.Addresses.Providers, 20010, func() http.Handler { return loopback.Guard(w.providerSites()) }},
		{&w.Addresses.Mail, 20026, func() http.Handler { return loopback.Guard(w.Mail.Pages()) }},
		{&w.Addresses.Hooks, 20027, func() http.Handler { return loopback.Guard(w.Hooks.Handler()) }},
		{&w.Addresses.Origin, 20040, origin.Handler}, // no guard: the edge passes the visitor's Host on
		{&w.Addresses.HostPage, 20050, func() http.Handler { return loopback.Guard(w.host.Handler()) }},
		{&w.Addresses.EvilPage, 20051, func() http.Handler { return loopback.Guard(w.evil.Handler()) }},
		{&w.Addresses.Page, 20000, func() http.Handler { return loopback.Guard(w.panel().Handler()) }},
	}
	open := make([]net.Listener, 0, len(sites))
	for _, s := range sites {
		l, err := w.listen(ctx, cfg.port(s.fixed))
		if err != nil {
			for _, l := range open {
				_ = l.Close()
			}
			return err
		}
		open = append(open, l)
		*s.url = "http://localhost:" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	}
	// Only now does every site know the addresses of the others.
	w.Addresses.Zones = w.Addresses.Providers + "/api/plain/zones"
	for i, s := range sites {
		w.stops = append(w.stops, loopback.Serve(open[i], s.handler()))
	}
	return nil
}

func (w *World) listen(ctx context.Context, port int) (net.Listener, error) {
	l, err := loopback.Listen(ctx, port)
	if err == nil {
		w.Addresses.Bound = append(w.Addresses.Bound, l.Addr().String())
	}
	return l, err
}

// customers are the providers that people meet, in the order of the pages.
func (w *World) customers() []*provider.Provider {
	return []*provider.Provider{w.Provider("plain"), w.Provider("flat"), w.Provider("lagging"), w.Provider("parking")}
}

func (w *World) providerSites() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /look.css", look.Stylesheet)
	mux.HandleFunc("GET /favicon.ico", look.NoIcon)
	mux.Handle("GET /{$}", http.RedirectHandler("/plain/", http.StatusSeeOther))
	for _, p := range w.customers() {
		mux.Handle("/"+p.Name+"/", p.Page())
		api := "/api/" + p.Name + "/zones"
		mux.Handle(api+"/", http.StripPrefix(api, p.API()))
		connect := "/domain-connect/" + p.Name
		mux.Handle(connect+"/", http.StripPrefix(connect, p.DomainConnect(w.Addresses.Providers+connect)))
	}
	return mux
}

func (w *World) panel() *panel.World {
	return &panel.World{
		Clock: w.Clock, Providers: w.customers(), Recursors: w.recursors, Resolver: w.resolver, DNSPort: w.Addresses.DNSPort, Root: w.Addresses.Root,
		CAs: []*acmeca.CA{w.CA("main"), w.CA("second")}, Mail: w.Mail, Hooks: w.Hooks,
		Product: w.product, Register: w.buy, Roots: w.RootsPEM,
		Places: panel.Places{
			Providers: w.Addresses.Providers, Mail: w.Addresses.Mail, Hooks: w.Addresses.Hooks,
			HostPage: w.Addresses.HostPage, EvilPage: w.Addresses.EvilPage,
			EdgeHTTPS: w.Addresses.EdgeHTTPS, RootFile: w.rootFile,
		},
	}
}

// buy is Register for people: it says what is wrong instead of panicking.
func (w *World) buy(name, providerName string) error {
	name = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(name), "."))
	label, up, _ := strings.Cut(name, ".")
	if _, err := authority.Owner("lab.", name+"."); err != nil {
		return fmt.Errorf("name: must end in .lab, .co.lab or .pages.lab")
	}
	switch {
	case !slices.Contains([]string{"lab", "co.lab", "pages.lab"}, up) || strings.Trim(label, "-abcdefghijklmnopqrstuvwxyz0123456789") != "":
		return fmt.Errorf("name: must be one label below .lab, .co.lab or .pages.lab")
	case w.find(name) != nil || len(w.parent(name+".").Get(name+".", "NS")) > 0:
		return fmt.Errorf("name: %s is taken", name)
	case w.providers[providerName] == nil:
		return fmt.Errorf("provider: must be one of %v", slices.Sorted(maps.Keys(w.providers)))
	}
	w.Register(name, providerName)
	return nil
}

// Embed tells the world of the product, once that runs: the host page gets its widget, the lab page its
// links. It may be called again.
func (w *World) Embed(p Embed) {
	w.mu.Lock()
	w.embedded = p
	w.mu.Unlock()
	w.host.Embed(p, w.Addresses.HostPage)
	w.evil.Embed(p, w.Addresses.HostPage)
}

func (w *World) product() Embed {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.embedded
}

// rootFile is where a person's curl finds the roots.
func (w *World) rootFile() string {
	if f := w.product().RootFile; f != "" {
		return f
	}
	return "<(curl -s " + w.Addresses.Page + "/ca.pem)"
}

// Visit fetches https://host/path through the edge as a visitor of the world who trusts its CAs.
func (w *World) Visit(ctx context.Context, host, path string) (*visit.Page, error) {
	return visit.Get(ctx, w.Addresses.EdgeHTTPS, w.RootsPEM(), host, path)
}
