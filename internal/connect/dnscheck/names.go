package dnscheck

import (
	"strings"

	"github.com/miekg/dns"
)

// Inside the engine names are canonical and end in a dot; outside they have none.

func full(name string) string { return dns.CanonicalName(name) }

func plain(name string) string {
	if name == "." {
		return name
	}
	return strings.TrimSuffix(name, ".")
}

// parent takes away the first label; the root is its own parent.
func parent(name string) string {
	if i, end := dns.NextLabel(name, 0); !end {
		return name[i:]
	}
	return "."
}

// within says that name is zone or below it.
func within(zone, name string) bool { return dns.IsSubDomain(zone, name) }

// below says that name is strictly below zone.
func below(zone, name string) bool { return name != zone && within(zone, name) }
