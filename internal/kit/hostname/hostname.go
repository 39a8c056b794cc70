// Package hostname turns what a person typed into the name that DNS, certificates and the product use,
// or says in one word why it cannot be a host name of theirs.
//
// People paste addresses from the browser, e-mail addresses, names with a dot at the end, names in their own
// script. All of these are accepted and reduced to the name itself. The result is never guessed at: www is never
// added or taken away, a misspelt ending is only reported by [Name.Warnings].
//
// Conversion follows UTS #46, non-transitional, with every check it knows switched on, plus what certificate
// authorities refuse anyway (RFC 5890 section 2.3.1: labels with "--" in third and fourth place that are not
// A-labels). A name that passes is therefore lower-case LDH, at most 253 octets, and survives the way to Unicode
// and back unchanged.
package hostname

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"
)

// The reasons why a name is refused. They are public API: the same words stand in the GraphQL error, in the
// explanation catalogue and in the webhooks, and they are never renamed.
const (
	Empty            = "hostname_empty"
	TooLong          = "hostname_too_long"
	LabelTooLong     = "label_too_long"
	LabelEmpty       = "label_empty"
	Characters       = "hostname_characters"
	IDNA             = "hostname_idna"
	Underscore       = "hostname_underscore"
	IPAddress        = "hostname_ip_address"
	SingleLabel      = "hostname_single_label"
	ReservedTLD      = "hostname_reserved_tld"
	PublicSuffix     = "hostname_public_suffix"
	OwnZone          = "hostname_own_zone"
	WildcardPosition = "wildcard_position"
)

const (
	maxInput = 2048 // octets we look at; a pasted address with a long path still fits
	maxName  = 253  // octets in text form, RFC 1035 section 2.3.4
	maxLabel = 63
)

// Policy says what this installation accepts. The zero value is right for the public internet.
type Policy struct {
	// Lab accepts reserved top-level domains. Only the lab profile sets it.
	Lab bool
	// Extra adds rules to the public suffix list, in its own notation ("co.lab", "*.ck", "!www.ck").
	// A rule that starts with "private:" belongs to the private section.
	Extra []string
	// OwnZones are zones of the installation itself (edge zone, console, widget); nothing inside them can be connected.
	OwnZones []string
	// PSL replaces the embedded public suffix list, nil keeps it.
	PSL List
}

// Name is a host name that passed. The zero value is no name.
type Name struct {
	ASCII        string // A-labels, lower case, no dot at the end; starts with "*." for a wildcard
	Unicode      string // the same for people
	Typed        string // what was typed, without anything in front of an "@", which may be a password
	HostLabel    string // ASCII relative to Registrable: "shop", "a.b", "*"; empty at the apex
	Registrable  string // the domain that somebody registered
	PublicSuffix string
	ICANN        bool // the suffix is in the ICANN section of the list
	Apex         bool // the name is the registrable domain itself; never true for a wildcard
	Wildcard     bool
}

// Error says why a name was refused. Reason is one of the constants above.
type Error struct {
	Reason string
	Params map[string]any
}

func (e *Error) Error() string {
	if len(e.Params) == 0 {
		return e.Reason
	}
	return fmt.Sprintf("%s %v", e.Reason, e.Params)
}

func refuse(reason string, keysAndValues ...any) *Error {
	e := &Error{Reason: reason}
	for i := 0; i+1 < len(keysAndValues); i += 2 {
		if e.Params == nil {
			e.Params = map[string]any{}
		}
		e.Params[keysAndValues[i].(string)] = keysAndValues[i+1]
	}
	return e
}

// Base is the name below a wildcard's asterisk, and the name itself for all others.
func (n Name) Base() string { return strings.TrimPrefix(n.ASCII, "*.") }

// Companion is the name people confuse this one with: www for an apex, the apex for its www, else empty.
func (n Name) Companion() string {
	switch {
	case n.Apex:
		return "www." + n.Registrable
	case n.HostLabel == "www":
		return n.Registrable
	}
	return ""
}

func (n Name) String() string { return n.ASCII }

// Parse normalises input. Every error is an *Error.
func Parse(input string, p Policy) (Name, error) {
	n, err := parse(input, p)
	if err != nil {
		return Name{}, err // a plain return of n, err would wrap a nil *Error in a non-nil error
	}
	return n, nil
}

func parse(input string, p Policy) (Name, *Error) {
	if len(input) > maxInput {
		return Name{}, refuse(TooLong, "length", len(input), "limit", maxName)
	}
	if !utf8.ValidString(input) {
		return Name{}, refuse(Characters, "character", "�")
	}
	typed, host := clean(input)
	if host == "" || host == "." {
		return Name{}, refuse(Empty)
	}
	if isIPv6(host) {
		return Name{}, refuse(IPAddress, "address", host)
	}
	host = foldDots(host)
	host = strings.TrimSuffix(host, ".")
	host, wildcard, err := cutWildcard(host)
	if err != nil {
		return Name{}, err
	}
	if err := checkASCII(host); err != nil {
		return Name{}, err
	}
	ascii, uni, err := convert(host)
	if err != nil {
		return Name{}, err
	}
	n := Name{ASCII: ascii, Unicode: uni, Typed: typed, Wildcard: wildcard}
	if err := n.place(p); err != nil {
		return Name{}, err
	}
	return n, nil
}

// place finds where the name stands in the tree of domains and refuses the places where nobody's site can be.
func (n *Name) place(p Policy) *Error {
	base, labels := n.ASCII, strings.Split(n.ASCII, ".")
	last := labels[len(labels)-1]
	switch {
	case endsInNumber(last):
		return refuse(IPAddress, "address", base)
	case len(labels) == 1 && n.Wildcard:
		return refuse(WildcardPosition, "name", "*."+base)
	case len(labels) == 1:
		return refuse(SingleLabel, "name", base)
	case !p.Lab && reserved[last]:
		return refuse(ReservedTLD, "tld", last)
	}
	for _, zone := range p.OwnZones {
		zone = strings.Trim(strings.ToLower(zone), ".")
		if zone != "" && (base == zone || strings.HasSuffix(base, "."+zone)) {
			return refuse(OwnZone, "zone", zone)
		}
	}
	n.PublicSuffix, n.ICANN = p.suffix(base)
	if n.PublicSuffix == base {
		if n.Wildcard {
			return refuse(WildcardPosition, "name", "*."+base)
		}
		return refuse(PublicSuffix, "suffix", base)
	}
	above := strings.TrimSuffix(base, "."+n.PublicSuffix)
	n.Registrable = above[strings.LastIndexByte(above, '.')+1:] + "." + n.PublicSuffix
	if n.Wildcard {
		if len(base)+2 > maxName {
			return refuse(TooLong, "length", len(base)+2, "limit", maxName)
		}
		n.ASCII, n.Unicode = "*."+n.ASCII, "*."+n.Unicode
	}
	n.HostLabel = strings.TrimSuffix(strings.TrimSuffix(n.ASCII, n.Registrable), ".")
	n.Apex = n.HostLabel == ""
	return nil
}

// reserved are top-level names that no public resolver answers: RFC 2606, 6761, 6762, 7686, 9476, .internal (ICANN 2024),
// and arpa, which holds infrastructure alone (RFC 3172).
var reserved = map[string]bool{
	"test": true, "invalid": true, "localhost": true, "example": true, "onion": true,
	"local": true, "internal": true, "arpa": true, "alt": true,
}

// endsInNumber is the test of the URL standard for "this is meant as an IPv4 address": the last label is decimal
// or hexadecimal. It catches 1.2.3.4, 127.1, 2130706433 and 0x7f000001 alike; no top-level domain looks so.
func endsInNumber(last string) bool {
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}

func isIPv6(host string) bool {
	if strings.HasPrefix(host, "[") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Is6()
}
