package panel

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/nameplate-dev/nameplate/lab/authority"
	"github.com/nameplate-dev/nameplate/lab/provider"
	"github.com/nameplate-dev/nameplate/lab/sink"
)

type kind struct {
	Kind  authority.Kind
	Label string
}

var kinds = []kind{
	{authority.Timeout, "does not answer"},
	{authority.Slow, "answers after a second"},
	{authority.Refused, "answers REFUSED"},
	{authority.Servfail, "answers SERVFAIL"},
	{authority.ServfailCAA, "answers SERVFAIL to CAA"},
	{authority.Lame, "is lame (no authority)"},
	{authority.Truncate, "cuts answers over UDP"},
}

type advance struct{ Value, Label string }

var advances = []advance{{"1m", "1 minute"}, {"15m", "15 minutes"}, {"1h", "1 hour"}, {"24h", "1 day"}, {"720h", "30 days"}}

// post runs one change of the world and goes back to the page with what came of it.
func (w *World) post(change func(url.Values) (string, error)) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(rw, r.Body, 8<<10)
		if err := r.ParseForm(); err != nil {
			http.Error(rw, "the form is too large or unreadable", http.StatusBadRequest)
			return
		}
		back := url.Values{}
		done, err := change(r.PostForm)
		if err != nil {
			back.Set("problem", err.Error())
		} else {
			back.Set("done", done)
		}
		http.Redirect(rw, r, "/?"+back.Encode(), http.StatusSeeOther)
	}
}

func (w *World) moveClock(f url.Values) (string, error) {
	d, err := time.ParseDuration(f.Get("by"))
	if err != nil || d <= 0 || d > 24*365*time.Hour {
		return "", errors.New("by: must be a duration of up to a year, like 1h")
	}
	w.Clock.Advance(d)
	return "The world is " + d.String() + " further.", nil
}

func (w *World) provider(f url.Values) (*provider.Provider, error) {
	i := slices.IndexFunc(w.Providers, func(p *provider.Provider) bool { return p.Name == f.Get("provider") })
	if i < 0 {
		return nil, errors.New("provider: there is none of this name")
	}
	return w.Providers[i], nil
}

// server reads "plain/ns1.plain-dns.lab" or "plain" for all of a provider's.
func (w *World) server(f url.Values) (*provider.Provider, []string, error) {
	for _, p := range w.Providers {
		if f.Get("server") == p.Name {
			return p, nil, nil
		}
		for _, s := range p.Servers {
			if f.Get("server")+"." == p.Name+"/"+s.Name {
				return p, []string{s.Name}, nil
			}
		}
	}
	return nil, nil, errors.New("server: there is none of this name")
}

func (w *World) fault(f url.Values) (string, error) {
	p, servers, err := w.server(f)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(kinds, func(k kind) bool { return string(k.Kind) == f.Get("kind") })
	if i < 0 {
		return "", errors.New("kind: is not known")
	}
	p.Fail(authority.Fault{Kind: kinds[i].Kind}.On(servers...))
	return f.Get("server") + " " + kinds[i].Label + " from now on.", nil
}

func (w *World) heal(f url.Values) (string, error) {
	p, err := w.provider(f)
	if err != nil {
		return "", err
	}
	p.Heal()
	for _, s := range p.Servers {
		p.Lag(s.Name, 0)
	}
	return p.Title + " is well again.", nil
}

func (w *World) lag(f url.Values) (string, error) {
	p, servers, err := w.server(f)
	if err != nil || len(servers) == 0 {
		return "", errors.New("server: choose one server")
	}
	d, err := time.ParseDuration(f.Get("by"))
	if err != nil || d < 0 || d > 30*24*time.Hour {
		return "", errors.New("by: must be a duration like 30s")
	}
	p.Lag(servers[0], d)
	return fmt.Sprintf("%s hears of changes %s later.", f.Get("server"), d), nil
}

func (w *World) ca(f url.Values) (string, error) {
	for _, c := range w.CAs {
		if c.Name != f.Get("ca") {
			continue
		}
		switch f.Get("do") {
		case "down":
			c.SetDown(true)
			return "The CA " + c.Name + " is down.", nil
		case "limit":
			c.SetRateLimited(time.Minute)
			return "The CA " + c.Name + " refuses new orders for a minute at a time.", nil
		case "up":
			c.SetDown(false)
			c.SetRateLimited(0)
			return "The CA " + c.Name + " works.", nil
		}
		return "", errors.New("do: must be down, limit or up")
	}
	return "", errors.New("ca: there is none of this name")
}

func (w *World) hooks(f url.Values) (string, error) {
	if f.Get("status") == "hang" {
		w.Hooks.SetAnswer(sink.HookAnswer{Hang: true})
		return "The webhook sink leaves requests hanging.", nil
	}
	n, err := strconv.Atoi(f.Get("status"))
	if err != nil || n < 200 || n > 599 {
		return "", errors.New("status: must be from 200 to 599, or hang")
	}
	w.Hooks.SetAnswer(sink.HookAnswer{Status: n})
	return "The webhook sink answers " + f.Get("status") + ".", nil
}

func (w *World) register(f url.Values) (string, error) {
	if _, err := w.provider(f); err != nil {
		return "", err
	}
	if err := w.Register(f.Get("name"), f.Get("provider")); err != nil {
		return "", err
	}
	return f.Get("name") + " is yours.", nil
}
