package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck"
)

// light makes passes with the whole engine: what the product runs every two seconds while somebody watches. It asks two of the four
// questions and does much more with the answers, so it is shown beside the rest and compared with nobody.
func light(ctx context.Context) error {
	return measured(ctx, func(ctx context.Context, p pass) func(n int) error {
		e := engine(p)
		return func(n int) error {
			q := question(n, p)
			a, err := e.Analyze(ctx, q)
			if err != nil {
				return err
			}
			if a.Verdict != analysis.Correct {
				return fmt.Errorf("%s: %s", q.Hostname, a.Verdict)
			}
			return nil
		}
	})
}

func engine(p pass) *dnscheck.Engine {
	return &dnscheck.Engine{Settings: dnscheck.Settings{
		Port: int(p.Server.Port()), AllowPrivate: true, PerServerQPS: unlimited, Burst: unlimited, PerZoneQPS: unlimited, ZoneBurst: unlimited,
	}}
}

// question is what the product asks the engine about a connection.
func question(n int, p pass) analysis.Question {
	c := connection(n)
	host, zone := plain(c[0].Name), plain(zoneOf(n))
	return analysis.Question{
		Hostname: host, Registrable: zone, Depth: analysis.Light,
		Expected: []analysis.Expected{
			{Key: "routing", Type: "CNAME", FQDN: host, Value: c[0].Value, Purpose: "ROUTING", Requirement: "REQUIRED"},
			{Key: "ownership", Type: "TXT", FQDN: plain(c[1].Name), Value: c[1].Value, Purpose: "OWNERSHIP", Requirement: "REQUIRED"},
		},
		Zone: &analysis.ZoneView{Apex: zone, Chain: []string{".", zone}, NameServers: []analysis.NameServer{{Name: "ns.edge.bench", Address: p.Server.Addr().String()}}},
	}
}

func plain(name string) string { return strings.TrimSuffix(name, ".") }
