package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/lab/realdns"
)

// The zones: one holds the customers' names, the other our targets.
const (
	customers = "shop.bench."
	targets   = "edge.bench."
)

// lookup is one of the four questions of a connection, with the only answer that is right.
type lookup struct {
	Name  string
	Type  uint16
	Value string // canonical
}

// connection makes the n-th. Its values follow from its number, so that every process knows them.
func connection(n int) [4]lookup {
	sum := sha256.Sum256(fmt.Append(nil, "connection ", n))
	token := hex.EncodeToString(sum[:10])
	host, target := fmt.Sprintf("c%d.%s", n, customers), token+"."+targets
	address := netip.AddrFrom4([4]byte{192, 0, 2, sum[31]})
	return [4]lookup{
		{host, dns.TypeCNAME, strings.TrimSuffix(target, ".")},
		{"_nameplate." + host, dns.TypeTXT, "nameplate-verification=" + hex.EncodeToString(sum[10:26])},
		{target, dns.TypeA, address.String()},
		{target, dns.TypeCAA, fmt.Sprintf("0 issue %q", fmt.Sprintf("letsencrypt.org; accounturi=https://ca.example/acct/%d", n))},
	}
}

// zones are those of so many connections, as zone files.
func zones(connections int) map[string]string {
	var text [2]strings.Builder
	for n, apex := range []string{customers, targets} {
		fmt.Fprintf(&text[n], "$ORIGIN %s\n@ 300 SOA ns hostmaster 1 7200 3600 1209600 60\n@ 300 NS ns\nns 300 A 127.0.0.1\n", apex)
	}
	for n := range connections {
		for i, l := range connection(n) {
			value := l.Value
			switch l.Type {
			case dns.TypeCNAME:
				value += "."
			case dns.TypeTXT:
				value = `"` + value + `"`
			}
			fmt.Fprintf(&text[i/2], "%s 300 %s %s\n", l.Name, dns.TypeToString[l.Type], value)
		}
	}
	return map[string]string{customers: text[0].String(), targets: text[1].String()}
}

// knot serves the zones until it is told to stop.
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
