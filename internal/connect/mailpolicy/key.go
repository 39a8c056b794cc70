package mailpolicy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// SameKey says that two records hold the same key of DKIM. Providers and people break lines and add spaces; tags may stand in any order
// (RFC 6376 section 3.6.1).
func SameKey(a, b string) bool {
	x, y := tags(a), tags(b)
	return x != nil && slices.Equal(x, y)
}

// tags are a record's, without white space and without those that say what holds anyway, sorted.
func tags(s string) []string {
	if len(s) > maxSPF {
		return nil
	}
	bare := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n", r) {
			return -1
		}
		return r
	}, s)
	out := []string{}
	for tag := range strings.SplitSeq(bare, ";") {
		name, value, _ := strings.Cut(tag, "=")
		if tag == "" || name == "v" && value == "DKIM1" || name == "k" && value == "rsa" || name == "s" && value == "*" {
			continue
		}
		out = append(out, tag)
	}
	slices.Sort(out)
	return out
}

// DMARC is what a domain asks to be done with mail that nobody vouches for.
type DMARC struct {
	Policy     string // none, quarantine, reject
	StrictDKIM bool   // the signer has to be the very domain, not one below or above it
	StrictSPF  bool
}

// Policies are the DMARC records among the TXT records of a name.
func Policies(txt []string) []string {
	return slices.DeleteFunc(slices.Clone(txt), func(s string) bool { return !versioned(s, "v=DMARC1") })
}

// ParseDMARC reads a record (RFC 7489 section 6.3). Tags that nobody knows are passed over.
func ParseDMARC(text string) (DMARC, error) {
	var d DMARC
	if len(text) > maxSPF {
		return d, fmt.Errorf("%d octets are too many", len(text))
	}
	for i, tag := range strings.Split(text, ";") {
		name, value, ok := strings.Cut(tag, "=")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		switch {
		case name == "" && !ok:
			continue
		case !ok:
			return d, fmt.Errorf("%q has no value", name)
		case i == 0 && (name != "v" || value != "DMARC1"):
			return d, errors.New("it does not begin with v=DMARC1")
		case name == "p":
			d.Policy = strings.ToLower(value)
		case name == "adkim" || name == "aspf":
			if !strings.EqualFold(value, "r") && !strings.EqualFold(value, "s") {
				return d, fmt.Errorf("%s is r or s, not %q", name, value)
			}
			strict := strings.EqualFold(value, "s")
			d.StrictDKIM, d.StrictSPF = d.StrictDKIM || strict && name == "adkim", d.StrictSPF || strict && name == "aspf"
		}
	}
	if !slices.Contains([]string{"none", "quarantine", "reject"}, d.Policy) {
		return d, errors.New("p is none, quarantine or reject")
	}
	return d, nil
}
