package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/internal/app"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// ofOneDomain is how many names of one domain there are: a CA's budget has 45 in a week.
const ofOneDomain = 40

var (
	user ident.UserID
	org  ident.OrgID
	shop ident.ApplicationID
)

func (h *house) as(ctx context.Context) context.Context {
	return authz.With(ctx, authz.Principal{Kind: authz.USER, UserID: user, OrgID: org, AuthTime: h.app.DB.Now(), AAL: 1, RequestID: "soak", Locale: "en"})
}

// seed makes a developer with an application whose origin is the lab's.
func (h *house) seed(ctx context.Context) (err error) {
	if user, org, err = h.app.CreateDeveloper(ctx, app.Developer{Email: "dev@acme.example", Name: "Ana", Password: secret.New("a password for the soak"), Organization: "Acme", Slug: "acme", TermsAccepted: true}); err != nil {
		return err
	}
	return poll(ctx, 30*time.Second, "the first application", func() error {
		apps, err := h.app.Applications.List(h.as(ctx), org, nil, page.Args{First: 1})
		if err != nil {
			return err
		}
		if len(apps.Nodes) == 0 {
			return errors.New("there is none")
		}
		a := apps.Nodes[0]
		shop = a.ID
		_, err = h.app.Applications.Update(h.as(ctx), application.UpdateApplicationInput{ID: a.ID, Version: a.Version, Upstream: &application.UpstreamInput{OriginURL: h.world.Addresses.Origin}})
		return err
	})
}

// connect brings n names from nothing to LIVE.
func (h *house) connect(ctx context.Context, n int) error {
	for k := range n {
		domain := fmt.Sprintf("soak%d.lab", k/ofOneDomain)
		if k%ofOneDomain == 0 {
			h.world.Register(domain, "plain")
		}
		label := fmt.Sprintf("n%d", k)
		made, err := h.app.Connections.Start(h.as(ctx), connection.StartConnectionInput{ApplicationID: shop, Hostname: label + "." + domain})
		if err != nil {
			return fmt.Errorf("connect %s.%s: %w", label, domain, err)
		}
		h.world.Zone(domain).Set(label, "CNAME", made.Connection.Target)
		h.names = append(h.names, label+"."+domain)
	}
	return h.allLive(ctx, time.Duration(60+2*n)*time.Second)
}

// allLive waits until every name is, and as far as the database knows holds a certificate that lasts.
func (h *house) allLive(ctx context.Context, patience time.Duration) error {
	return poll(ctx, patience, "all names are live", func() error {
		var live, lasts int
		err := h.app.DB.QueryRow(ctx, "select count(*) filter (where c.state = 'LIVE'), count(*) filter (where t.not_after > now()) from connection c left join edge_entry e on e.connection_id = c.id left join certificate t on t.id = e.certificate_id").Scan(&live, &lasts)
		if err == nil && (live != len(h.names) || lasts != len(h.names)) {
			err = fmt.Errorf("%d of %d are live, %d have a certificate that lasts", live, len(h.names), lasts)
		}
		return err
	})
}

// afterwards waits until all is well again, and tells what was done meanwhile. Every name must have been renewed so often at least.
func (h *house) afterwards(ctx context.Context, least int) (string, error) {
	began := time.Now()
	if err := h.allLive(ctx, 2*time.Minute); err != nil {
		return "", err
	}
	took := time.Since(began)
	for _, p := range []*process{h.serve, h.work, h.edge, h.redis} {
		if !p.runs() {
			return "", fmt.Errorf("%s ended by itself: %s", p.name, p.said.String())
		}
	}
	for _, host := range h.names {
		if err := h.visitOnce(ctx, host); err != nil {
			return "", fmt.Errorf("%s is lost: %w", host, err)
		}
	}
	var fewest, most, renewed int
	err := h.app.DB.QueryRow(ctx, "select coalesce(min(n), 0), coalesce(max(n), 0), coalesce(sum(n), 0) from (select count(*) filter (where replaced_by is not null) n from certificate where sealed_key is not null group by connection_id) k").Scan(&fewest, &most, &renewed)
	if err == nil && fewest < least {
		err = fmt.Errorf("a name was renewed %d times, and not %d", fewest, least)
	}
	return fmt.Sprintf("all %d names are live and served %s after the end; %d renewals, %d to %d of each name", len(h.names), took.Round(time.Second), renewed, fewest, most), err
}

func poll(ctx context.Context, patience time.Duration, what string, done func() error) error {
	tick, over := time.NewTicker(200*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for {
		err := done()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-over:
			return fmt.Errorf("%s: not within %s: %w", what, patience, err)
		case <-tick.C:
		}
	}
}
