package panel

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/lab/look"
	"github.com/nameplate-dev/nameplate/lab/recursor"
	"github.com/nameplate-dev/nameplate/lab/visit"
)

// answersData is what each server says about a name, side by side.
type answersData struct {
	W       *World
	Form    AnswerForm
	Problem string
	Zone    string
	Servers []serverAnswer
	Views   []resolverView
	Asked   bool
}

type serverAnswer struct {
	Name, Addr string
	Rcode      string
	Authority  bool
	Serial     uint32
	Records    []string
	Failed     string
}

type resolverView struct {
	Name, Region string
	Remembers    []recursor.Memory
	Queries      int
}

// answers asks every authoritative server. The caching resolvers are not asked unless the person wants it:
// an early question makes them remember that a name does not exist.
func (w *World) answers(rw http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	name := strings.ToLower(strings.TrimSpace(q.Get("name")))
	d := answersData{W: w, Form: AnswerForm{name, strings.ToUpper(q.Get("type")), recordTypes}, Asked: q.Get("ask") == "1"}
	qtype, ok := dns.StringToType[d.Form.Type]
	_, valid := dns.IsDomainName(name)
	if !ok || !valid || name == "" {
		d.Problem = "Give a domain name and a type of record."
		look.Page(rw, http.StatusUnprocessableEntity, pages, "answers.html", d)
		return
	}
	apex, servers := w.Resolver.Authorities(r.Context(), name)
	d.Zone = strings.TrimSuffix(apex, ".")
	d.Servers = make([]serverAnswer, len(servers))
	var wg sync.WaitGroup
	for i, s := range servers {
		wg.Go(func() { d.Servers[i] = w.ask(r.Context(), s, name, qtype) })
	}
	wg.Wait()
	for _, res := range w.Recursors {
		if d.Asked {
			w.exchange(r.Context(), res.Addr.String(), name, qtype, true)
		}
		d.Views = append(d.Views, resolverView{res.Name, res.Region, res.Remembers(name), len(res.Log(name))})
	}
	look.Page(rw, http.StatusOK, pages, "answers.html", d)
}

func (w *World) ask(ctx context.Context, s recursor.Authority, name string, qtype uint16) serverAnswer {
	out := serverAnswer{Name: strings.TrimSuffix(s.Name, "."), Addr: s.Addr}
	at := net.JoinHostPort(s.Addr, strconv.Itoa(w.DNSPort))
	m, err := w.exchange(ctx, at, name, qtype, false)
	if err != nil {
		out.Failed = "no answer within a second"
		return out
	}
	out.Rcode, out.Authority = dns.RcodeToString[m.Rcode], m.Authoritative
	for _, rr := range m.Answer {
		out.Records = append(out.Records, rr.String())
	}
	slices.Sort(out.Records)
	for _, rr := range append(m.Answer, m.Ns...) {
		if soa, ok := rr.(*dns.SOA); ok {
			out.Serial = soa.Serial
			return out
		}
	}
	apex, _ := w.Resolver.Authorities(ctx, name)
	if m, err := w.exchange(ctx, at, apex, dns.TypeSOA, false); err == nil && len(m.Answer) > 0 {
		if soa, ok := m.Answer[0].(*dns.SOA); ok {
			out.Serial = soa.Serial
		}
	}
	return out
}

func (w *World) exchange(ctx context.Context, at, name string, qtype uint16, recurse bool) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(name), qtype)
	m.RecursionDesired = recurse
	m.SetEdns0(1232, false)
	c := dns.Client{Timeout: time.Second}
	got, _, err := c.ExchangeContext(ctx, m, at)
	if err == nil && got.Truncated {
		c.Net = "tcp"
		got, _, err = c.ExchangeContext(ctx, m, at)
	}
	return got, err
}

type visitData struct {
	W          *World
	Host, Path string
	Page       *visit.Page
	Problem    string
	Curl       string
}

func (w *World) visit(rw http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	host, path, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(q.Get("host")), "https://"), "/")
	d := visitData{W: w, Host: host, Path: "/" + path}
	page, err := visit.Get(r.Context(), w.Places.EdgeHTTPS, w.Roots(), d.Host, d.Path)
	status := http.StatusOK
	if err != nil {
		d.Problem, status = err.Error(), http.StatusBadGateway
	} else {
		d.Curl = visit.Curl(w.Places.EdgeHTTPS, w.Places.RootFile(), d.Host, d.Path)
	}
	d.Page = page
	look.Page(rw, status, pages, "visit.html", d)
}
