package tree

import (
	"strings"

	"github.com/miekg/dns"
)

// Full is a name as the engine has it inside: canonical, with the final dot.
func Full(name string) string { return dns.CanonicalName(name) }

// Plain is a name as it is shown: without the final dot.
func Plain(name string) string {
	if name == "." {
		return name
	}
	return strings.TrimSuffix(name, ".")
}

// Parent takes away the first label; the root is its own parent.
func Parent(name string) string {
	if i, end := dns.NextLabel(name, 0); !end {
		return name[i:]
	}
	return "."
}

// Within says that name is zone or below it.
func Within(zone, name string) bool { return dns.IsSubDomain(zone, name) }

// Below says that name is strictly below zone.
func Below(zone, name string) bool { return name != zone && Within(zone, name) }
