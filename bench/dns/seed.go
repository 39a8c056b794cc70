package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/nameplate-dev/nameplate/db/devdb"
	"github.com/nameplate-dev/nameplate/internal/app"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

func settings(dsn string) app.Settings {
	return app.Settings{Profile: "lab", DatabaseURL: secret.New(dsn), KEK: "env:" + kekName, Edge: app.EdgeSettings{Zone: plain(targets)}, LogLevel: "error"}
}

// seed writes live connections as the services would have written them, a week after they went live.
func seed(ctx context.Context, d *devdb.Database, connections int) error {
	s := settings(d.DSN)
	a, err := app.Open(ctx, s, app.NewLog(io.Discard, s))
	if err != nil {
		return err
	}
	defer a.Close()
	user, org, err := a.CreateDeveloper(ctx, app.Developer{Email: "bench@example.com", Name: "Bench", Password: secret.New("correct horse battery staple 9"), Organization: "Bench", Slug: "bench"})
	if err != nil {
		return err
	}
	as := authz.With(ctx, authz.Principal{Kind: authz.USER, UserID: user, OrgID: org, AuthTime: a.DB.Now(), AAL: 1, RequestID: "bench", Locale: "en"})
	made, err := a.Applications.Create(as, application.CreateApplicationInput{OrganizationID: org, Name: "Bench"})
	if err != nil {
		return err
	}
	var recipe any
	if err := d.QueryRow(ctx, "select recipe_id from application where id = $1", made.Application.ID.UUID()).Scan(&recipe); err != nil {
		return err
	}
	now := a.DB.Now()
	then := now.Add(-7 * 24 * time.Hour)
	facet := func(value string) map[string]any { return map[string]any{"value": value, "since": then} }
	facets := map[string]any{"ownership": facet("verified"), "dns": facet("correct"), "tls": facet("issued"), "edge": facet("serving")}
	ids := make([]ident.ConnectionID, connections)
	for n := range ids {
		ids[n] = ident.New[ident.ConnectionID](then)
	}
	fill := func(table string, rows int, columns []string, row func(n int) []any) error {
		_, err := d.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromSlice(rows, func(n int) ([]any, error) { return row(n), nil }))
		if err != nil {
			return fmt.Errorf("fill %s: %w", table, err)
		}
		return nil
	}
	err = fill("connection", connections, []string{"id", "org_id", "application_id", "hostname", "hostname_unicode", "host_label", "registrable_domain", "public_suffix", "zone_apex", "is_apex",
		"recipe_id", "state", "state_since", "facets", "setup_type", "mechanism", "setup_origin", "target_token", "verification_token", "pass_count", "last_pass_at", "analyzed_at", "live_at",
		"first_live_at", "created_by", "created_at", "updated_at"}, func(n int) []any {
		host, zone := plain(connection(n)[0].Name), plain(zoneOf(n))
		target, proof := tokens(n)
		return []any{ids[n].UUID(), org.UUID(), made.Application.ID.UUID(), host, host, fmt.Sprintf("c%d", n), zone, "bench", zone, false,
			recipe, "LIVE", then, facets, "MANUAL", "NONE", "API", target, proof, 2, then, now, then, then, "system:bench", then, then}
	})
	if err != nil {
		return err
	}
	err = fill("record", 2*connections, []string{"id", "org_id", "connection_id", "key", "type", "name", "fqdn", "value", "ttl", "purpose", "requirement", "position", "status", "status_since",
		"servers_have", "servers_of", "observed", "writer", "first_seen_at"}, func(i int) []any {
		n, l := i/2, connection(i / 2)[i%2]
		key, typ, purpose := "routing", "CNAME", "ROUTING"
		if i%2 == 1 {
			key, typ, purpose = "ownership", "TXT", "OWNERSHIP"
		}
		name := plain(l.Name)[:len(plain(l.Name))-len(zoneOf(n))]
		return []any{ident.New[ident.RecordID](then).UUID(), org.UUID(), ids[n].UUID(), key, typ, name, plain(l.Name), l.Value, 300, purpose, "REQUIRED", i % 2, "OK", then,
			1, 1, map[string]any{"seen": []string{l.Value}, "servers": []any{}}, "CUSTOMER", then}
	})
	if err != nil {
		return err
	}
	err = fill("hostname_claim", connections, []string{"hostname", "holder_connection_id", "holder_org_id", "proof", "verified_at", "last_proof_at"}, func(n int) []any {
		return []any{plain(connection(n)[0].Name), ids[n].UUID(), org.UUID(), "TARGET", then, now}
	})
	if err != nil {
		return err
	}
	err = fill("connection_due", connections, []string{"connection_id", "org_id", "kind", "due_at"}, func(n int) []any {
		return []any{ids[n].UUID(), org.UUID(), "CHECK", now.Add(20*time.Second + rand.N(15*time.Minute))}
	})
	if err != nil {
		return err
	}
	_, err = d.Exec(ctx, "vacuum analyze")
	return err
}
