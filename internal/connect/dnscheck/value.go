package dnscheck

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/wire"
)

const (
	maxValues = 50   // of one RRset that are kept
	maxValue  = 4096 // octets of one
)

// value gives a record's data in canonical form: names in lower case without the final dot, addresses as RFC 5952 writes them, TXT
// unquoted, unescaped and joined from its pieces.
func value(rr dns.RR) string {
	switch rr := rr.(type) {
	case *dns.A, *dns.AAAA:
		if a, ok := address(rr); ok {
			return a.Unmap().String()
		}
		return ""
	case *dns.CNAME:
		return unescape(plain(dns.CanonicalName(rr.Target)))
	case *dns.NS:
		return unescape(plain(dns.CanonicalName(rr.Ns)))
	case *dns.TXT:
		var b strings.Builder
		for _, piece := range rr.Txt {
			b.WriteString(unescape(piece))
		}
		return b.String()
	case *dns.MX:
		return strconv.Itoa(int(rr.Preference)) + " " + plain(dns.CanonicalName(rr.Mx))
	case *dns.CAA:
		return fmt.Sprintf("%d %s %q", rr.Flag, strings.ToLower(rr.Tag), unescape(rr.Value))
	case *dns.SOA:
		return fmt.Sprintf("%s %s %d", plain(dns.CanonicalName(rr.Ns)), plain(dns.CanonicalName(rr.Mbox)), rr.Serial)
	}
	return strings.TrimPrefix(rr.String(), rr.Header().String())
}

// unescape turns the presentation form of RFC 1035 section 5.1 (\. and \DDD) into the octets it stands for.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			out = append(out, s[i])
			continue
		}
		if i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 10, 8); err == nil {
				out = append(out, byte(n))
				i += 3
				continue
			}
		}
		i++
		out = append(out, s[i])
	}
	return string(out)
}

// clean makes text of octets: what cannot be shown, or not be stored, becomes U+FFFD.
func clean(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return unicode.ReplacementChar
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// values gives the data of an RRset, sorted, without repetition, bounded and printable.
func values(rrs []dns.RR) []string {
	out := make([]string, 0, len(rrs))
	for _, rr := range rrs[:min(len(rrs), maxValues)] {
		v := value(rr)
		out = append(out, clean(v[:min(len(v), maxValue)]))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// observed is what an observation keeps: the records asked for, else the alias that stands in their place.
func observed(r wire.Reply, name string, qtype uint16) ([]string, *int32) {
	rrs := r.At(name, qtype)
	if len(rrs) == 0 {
		rrs = r.At(name, dns.TypeCNAME)
	}
	if len(rrs) == 0 && qtype == dns.TypeNS {
		rrs = slices.DeleteFunc(slices.Clone(r.Authority), func(rr dns.RR) bool { return rr.Header().Rrtype != dns.TypeNS })
	}
	return values(rrs), ttl(rrs)
}

// ttl is the lowest of an RRset; nil when there is none.
func ttl(rrs []dns.RR) *int32 {
	if len(rrs) == 0 {
		return nil
	}
	low := uint32(1<<31 - 1)
	for _, rr := range rrs {
		low = min(low, rr.Header().Ttl)
	}
	return new(int32(low))
}

func addressList(texts []string) []netip.Addr {
	var out []netip.Addr
	for _, t := range texts {
		if a, err := netip.ParseAddr(t); err == nil {
			out = append(out, a)
		}
	}
	return out
}

// canonical brings an expected value into the form that value gives.
func canonical(typ, v string) string {
	switch typ {
	case "A", "AAAA":
		if a, err := netip.ParseAddr(v); err == nil {
			return a.Unmap().String()
		}
	case "CNAME", "ALIAS", "NS":
		return plain(full(v))
	case "CAA":
		if rr, err := dns.NewRR(". CAA " + v); err == nil && rr != nil {
			return value(rr)
		}
	case "MX":
		return strings.ToLower(strings.TrimSuffix(v, "."))
	}
	return v
}
