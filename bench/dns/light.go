package main

import (
	"context"
	"fmt"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck"
)

// light makes passes with the whole engine: what the product runs every two seconds while somebody watches. It asks more than the four
// questions (everything that can conflict) and judges, so it is shown beside the rest and compared with nobody.
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
	host := dns.Fqdn(c[0].Name)[:len(c[0].Name)-1]
	return analysis.Question{
		Hostname: host, Registrable: "shop.bench", Depth: analysis.Light,
		Expected: []analysis.Expected{
			{Key: "routing", Type: "CNAME", FQDN: host, Value: c[0].Value, Purpose: "ROUTING", Requirement: "REQUIRED"},
			{Key: "ownership", Type: "TXT", FQDN: c[1].Name[:len(c[1].Name)-1], Value: c[1].Value, Purpose: "OWNERSHIP", Requirement: "REQUIRED"},
		},
		Zone: &analysis.ZoneView{Apex: "shop.bench", Chain: []string{".", "bench", "shop.bench"}, NameServers: []analysis.NameServer{{Name: "ns.shop.bench", Address: p.Server.Addr().String()}}},
	}
}
