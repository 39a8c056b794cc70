package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/bench/rig"
	"github.com/nameplate-dev/nameplate/db/devdb"
	"github.com/nameplate-dev/nameplate/internal/app"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

//go:embed seed.sql
var seedSQL string

const (
	zone          = "edge.example.net" // every target's
	kekName       = "NAMEPLATE_BENCH_KEK"
	consoleOrigin = "https://console.example.com"
	kek           = "bench:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" // of a database that lives for one run
	pageKeys      = 600
	liveKeys      = 300
)

// tenant is an organization of the seed whose data is read, and keys to it. A key has an hourly budget and a number of sockets; a run uses up many.
type tenant struct {
	org  ident.OrgID
	app  ident.ApplicationID
	keys []string
}

// bench is a seeded database, and what was found of the machine.
type bench struct {
	options
	db         *devdb.Database
	postmaster int    // 0: PostgreSQL runs elsewhere, and its CPU is not measured
	node       string // 22 or newer, as PostGraphile asks for; "": its peers are left out
	page, live tenant
	children   []*process
}

// open makes and seeds a fresh database: 100,000 connections in 492 organizations. One of them has records, checks and certificates, and is read;
// another has 5,000, and is watched.
func open(ctx context.Context, o options) (*bench, error) {
	began := time.Now()
	os.Setenv(kekName, kek)
	d, err := devdb.Fresh(ctx)
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, db: d}
	if err := b.seed(ctx); err != nil {
		b.close()
		return nil, fmt.Errorf("seed the database: %w", err)
	}
	b.postmaster = rig.Postmaster(ctx, d)
	b.node = node()
	fmt.Printf("The database has 100,000 connections after %.0f s.\n", time.Since(began).Seconds())
	return b, nil
}

func (b *bench) close() {
	for _, p := range b.children {
		p.stop()
	}
	b.db.Close()
}

func (b *bench) seed(ctx context.Context) error {
	s := app.Settings{Profile: "lab", DatabaseURL: secret.New(b.db.DSN), KEK: "env:" + kekName, ConsoleOrigin: consoleOrigin, Edge: app.EdgeSettings{Zone: zone}, LogLevel: "error"}
	a, err := app.Open(ctx, s, app.NewLog(io.Discard, s))
	if err != nil {
		return err
	}
	defer a.Close()
	if b.page, err = makeTenant(ctx, a, "page", pageKeys); err != nil {
		return err
	}
	if b.live, err = makeTenant(ctx, a, "live", liveKeys); err != nil {
		return err
	}
	sql := strings.NewReplacer(":page_org", quoted(b.page.org.UUID().String()), ":live_org", quoted(b.live.org.UUID().String()),
		":page_app", quoted(b.page.app.UUID().String()), ":live_app", quoted(b.live.app.UUID().String()), ":zone", quoted(zone), ":size", strconv.Itoa(b.tenant)).Replace(seedSQL)
	if _, err := b.db.Exec(ctx, sql); err != nil {
		return err
	}
	_, err = b.db.Exec(ctx, "vacuum analyze")
	return err
}

func quoted(s string) string { return "'" + s + "'" }

// makeTenant makes an organization, its application and its keys through the product.
func makeTenant(ctx context.Context, a *app.App, slug string, keys int) (tenant, error) {
	var t tenant
	user, org, err := a.CreateDeveloper(ctx, app.Developer{Email: slug + "@example.com", Name: "Bench " + slug, Password: secret.New("correct horse battery staple 9"), Organization: "Bench " + slug, Slug: slug})
	if err != nil {
		return t, err
	}
	t.org = org
	as := authz.With(ctx, authz.Principal{Kind: authz.USER, UserID: user, OrgID: org, AuthTime: a.DB.Now(), AAL: 1, RequestID: "bench", Locale: "en"})
	made, err := a.Applications.Create(as, application.CreateApplicationInput{OrganizationID: org, Name: "Bench " + slug})
	if err != nil {
		return t, err
	}
	t.app = made.Application.ID
	for n := range keys {
		k, err := a.Keys.Create(as, apikey.CreateApiKeyInput{Description: fmt.Sprintf("bench %d", n), OrganizationID: &org, Scopes: []string{"application.read", "connection.read"}})
		if err != nil {
			return t, fmt.Errorf("make a key: %w", err)
		}
		t.keys = append(t.keys, k.Secret.Reveal())
	}
	return t, nil
}

// node answers a Node.js that PostGraphile 5 runs on: that which its folder brings.
func node() string {
	path := peer("node_modules/node/bin/node")
	if exec.Command(path, "--version").Run() != nil {
		fmt.Println("PostGraphile and graphql-yoga are left out: npm ci in bench/graphql/peers (make bench/graphql does it) brings them.")
		return ""
	}
	return path
}
