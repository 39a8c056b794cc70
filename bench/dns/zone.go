package main

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/lab/realdns"
)

// Customers' names lie in many zones, our targets in one.
const (
	customers = 1000
	targets   = "edge.bench."
)

// lookup is one of the four questions of a connection, with the only answer that is right.
type lookup struct {
	Name  string
	Type  uint16
	Value string // canonical
}

func zoneOf(n int) string { return fmt.Sprintf("z%d.bench.", n%customers) }

// tokens are the connection's: that of its target, and that of the proof of ownership.
func tokens(n int) (target, proof string) {
	sum := sha256.Sum256(fmt.Append(nil, "connection ", n))
	letters := base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
	return letters.EncodeToString(sum[:16]), letters.EncodeToString(sum[16:])
}

// connection makes the n-th. Its values follow from its number, so that every process knows them.
func connection(n int) [4]lookup {
	target, proof := tokens(n)
	host := fmt.Sprintf("c%d.%s", n, zoneOf(n))
	target += "." + targets
	return [4]lookup{
		{host, dns.TypeCNAME, strings.TrimSuffix(target, ".")},
		{"_nameplate." + host, dns.TypeTXT, record.Verification(proof)},
		{target, dns.TypeA, "127.0.0.1"},
		{target, dns.TypeCAA, fmt.Sprintf("0 issue %q", fmt.Sprintf("letsencrypt.org; accounturi=https://ca.example/acct/%d", n))},
	}
}

// zones are those of so many connections and the root, as zone files.
func zones(connections int) map[string]string {
	text := map[string]*strings.Builder{}
	at := func(apex string) *strings.Builder {
		if text[apex] == nil {
			text[apex] = &strings.Builder{}
			fmt.Fprintf(text[apex], "$ORIGIN %s\n@ 300 SOA ns.edge.bench. hostmaster.edge.bench. 1 7200 3600 1209600 60\n@ 300 NS ns.edge.bench.\n", apex)
		}
		return text[apex]
	}
	at(".")
	fmt.Fprintf(at(targets), "ns 300 A 127.0.0.1\n")
	for n := range connections {
		for i, l := range connection(n) {
			value := l.Value
			switch l.Type {
			case dns.TypeCNAME:
				value += "."
			case dns.TypeTXT:
				value = `"` + value + `"`
			}
			apex := zoneOf(n)
			if i >= 2 {
				apex = targets
			}
			fmt.Fprintf(at(apex), "%s 300 %s %s\n", l.Name, dns.TypeToString[l.Type], value)
		}
	}
	out := map[string]string{}
	for apex, t := range text {
		out[apex] = t.String()
	}
	return out
}

// knot serves the zones until the rig is over.
func knot(h *host, connections int) (netip.AddrPort, error) {
	for _, k := range realdns.Kinds {
		if k.Name == "Knot" {
			at, ok := k.Start(h, zones(connections))
			if !ok {
				return at, fmt.Errorf("knot refuses the zones")
			}
			return at, nil
		}
	}
	return netip.AddrPort{}, fmt.Errorf("there is no Knot")
}
