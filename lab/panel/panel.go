// Package panel is the lab page: the first that a newcomer opens. It shows the world, lets a person change
// it by hand, and visits the product's edge.
package panel

import (
	"embed"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/lab/acmeca"
	"github.com/nameplate-dev/nameplate/lab/clock"
	"github.com/nameplate-dev/nameplate/lab/hostpage"
	"github.com/nameplate-dev/nameplate/lab/look"
	"github.com/nameplate-dev/nameplate/lab/provider"
	"github.com/nameplate-dev/nameplate/lab/querylog"
	"github.com/nameplate-dev/nameplate/lab/recursor"
	"github.com/nameplate-dev/nameplate/lab/sink"
)

//go:embed *.html panel.js
var files embed.FS

var pages = look.Templates(files, "*.html")

// AnswerForm is what the form shows that asks every server.
type AnswerForm struct {
	Name, Type string
	Types      []string
}

// World is what the page shows and changes.
type World struct {
	Clock     *clock.Clock
	Providers []*provider.Provider
	Recursors []*recursor.Recursor
	Resolver  *recursor.Recursor // asks without a cache
	DNSPort   int
	Root      netip.AddrPort
	CAs       []*acmeca.CA
	Mail      *sink.Mail
	Hooks     *sink.Hooks
	Product   func() hostpage.Product
	Register  func(name, provider string) error
	Roots     func() []byte // PEM
	Places    Places
}

// Places are addresses of the world's other pages.
type Places struct {
	Providers, Mail, Hooks, HostPage, EvilPage string
	EdgeHTTPS                                  string        // host:port
	RootFile                                   func() string // what curl takes for --cacert
}

// Handler serves the page.
func (w *World) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /look.css", look.Stylesheet)
	mux.HandleFunc("GET /favicon.ico", look.NoIcon)
	mux.HandleFunc("GET /panel.js", func(rw http.ResponseWriter, _ *http.Request) {
		b, _ := files.ReadFile("panel.js")
		rw.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		rw.Header().Set("Cache-Control", "no-cache")
		_, _ = rw.Write(b)
	})
	mux.HandleFunc("GET /ca.pem", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/x-pem-file")
		_, _ = rw.Write(w.Roots())
	})
	mux.HandleFunc("GET /{$}", func(rw http.ResponseWriter, r *http.Request) {
		d := w.data()
		d.Done, d.Problem = r.URL.Query().Get("done"), r.URL.Query().Get("problem")
		look.Page(rw, http.StatusOK, pages, "index.html", d)
	})
	mux.HandleFunc("GET /live", func(rw http.ResponseWriter, _ *http.Request) {
		look.Page(rw, http.StatusOK, pages, "live", w.data())
	})
	mux.HandleFunc("GET /answers", w.answers)
	mux.HandleFunc("GET /visit", w.visit)
	mux.HandleFunc("POST /clock", w.post(w.moveClock))
	mux.HandleFunc("POST /fault", w.post(w.fault))
	mux.HandleFunc("POST /heal", w.post(w.heal))
	mux.HandleFunc("POST /lag", w.post(w.lag))
	mux.HandleFunc("POST /ca", w.post(w.ca))
	mux.HandleFunc("POST /hooks", w.post(w.hooks))
	mux.HandleFunc("POST /register", w.post(w.register))
	return mux
}

// data is one look at the world.
type data struct {
	W        *World
	Now      time.Time
	Ahead    time.Duration
	P        hostpage.Product
	Ready    bool
	Done     string
	Problem  string
	Zones    []zoneRow
	Servers  []serverRow
	Orders   []orderRow
	Hooks    []sink.Hook
	Answer   sink.HookAnswer
	Mails    []sink.Message
	Queries  []queryRow
	Kinds    []kind
	Advances []advance
	Ask      AnswerForm
}

// recordTypes are those that the page can ask for.
var recordTypes = []string{"CNAME", "A", "AAAA", "TXT", "NS", "SOA", "MX", "CAA", "DS", "DNSKEY"}

type zoneRow struct {
	Name, Provider, Title, URL string
	Records                    int
	Serial                     uint32
}

type serverRow struct {
	Provider, Name, Addr string
	Asked                int
	Lag                  time.Duration
	Faults               []string
}

type orderRow struct {
	CA string
	acmeca.Order
}

type queryRow struct {
	At                                    time.Time
	Server, Name, Type, Transport, Answer string
}

// shown bounds each list of the page.
const shown = 12

func (w *World) data() data {
	d := data{
		W: w, Now: w.Clock.Now(), Ahead: w.Clock.Ahead(), P: w.Product(), Answer: w.Hooks.Answer(),
		Kinds: kinds, Advances: advances, Ask: AnswerForm{"", "CNAME", recordTypes},
	}
	d.Ready = d.P.GraphQL != ""
	for _, p := range w.Providers {
		for _, z := range p.Zones() {
			name := strings.TrimSuffix(z.Apex(), ".")
			if z.Apex() == p.Domain {
				continue
			}
			d.Zones = append(d.Zones, zoneRow{name, p.Name, p.Title, w.Places.Providers + "/" + p.Name + "/" + url.PathEscape(name), len(z.All()), z.Serial()})
		}
		for _, s := range p.Servers {
			row := serverRow{Provider: p.Name, Name: strings.TrimSuffix(s.Name, "."), Addr: s.Addr, Asked: s.Asked(), Lag: p.Lags(s.Name)}
			for _, f := range s.Faults("") {
				row.Faults = append(row.Faults, string(f.Kind))
			}
			d.Servers = append(d.Servers, row)
			d.add(s.Name, s.Recent())
		}
	}
	for _, r := range w.Recursors {
		d.add(r.Name+", "+r.Region, r.Recent())
	}
	d.add(w.Resolver.Name, w.Resolver.Recent())
	slices.SortStableFunc(d.Queries, func(a, b queryRow) int { return b.At.Compare(a.At) })
	d.Queries = d.Queries[:min(len(d.Queries), shown)]
	for _, c := range w.CAs {
		for _, o := range c.Orders() {
			d.Orders = append(d.Orders, orderRow{c.Name, o})
		}
	}
	slices.SortStableFunc(d.Orders, func(a, b orderRow) int { return b.At.Compare(a.At) })
	d.Orders = d.Orders[:min(len(d.Orders), shown)]
	d.Hooks = newest(w.Hooks.Requests(""))
	d.Mails = newest(w.Mail.Messages(""))
	return d
}

func newest[T any](all []T) []T {
	all = slices.Clone(all)
	slices.Reverse(all)
	return all[:min(len(all), shown)]
}

func (d *data) add(server string, qs []querylog.Query) {
	for _, q := range qs[max(0, len(qs)-shown):] {
		d.Queries = append(d.Queries, queryRow{q.At, strings.TrimSuffix(server, "."), q.Name, q.Type, q.Transport, q.Rcode})
	}
}
