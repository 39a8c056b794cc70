package tree

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
	maxValues = 50   // of one RRset that are kept as evidence
	maxValue  = 4096 // octets of one
)

// Value gives a record's data in canonical form: names in lower case without the final dot, addresses as RFC 5952 writes them, TXT
// unquoted, unescaped and joined from its pieces.
func Value(rr dns.RR) string {
	switch rr := rr.(type) {
	case *dns.A, *dns.AAAA:
		if a, ok := Address(rr); ok {
			return a.Unmap().String()
		}
		return ""
	case *dns.CNAME:
		return Unescape(Plain(dns.CanonicalName(rr.Target)))
	case *dns.NS:
		return Unescape(Plain(dns.CanonicalName(rr.Ns)))
	case *dns.TXT:
		var b strings.Builder
		for _, piece := range rr.Txt {
			b.WriteString(Unescape(piece))
		}
		return b.String()
	case *dns.MX:
		return strconv.Itoa(int(rr.Preference)) + " " + Plain(dns.CanonicalName(rr.Mx))
	case *dns.CAA:
		return fmt.Sprintf("%d %s %q", rr.Flag, strings.ToLower(rr.Tag), Unescape(rr.Value))
	case *dns.SOA:
		return fmt.Sprintf("%s %s %d", Plain(dns.CanonicalName(rr.Ns)), Plain(dns.CanonicalName(rr.Mbox)), rr.Serial)
	}
	return strings.TrimPrefix(rr.String(), rr.Header().String())
}

// Unescape turns the presentation form of RFC 1035 section 5.1 (\. and \DDD) into the octets it stands for.
func Unescape(s string) string {
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

// Values gives the data of an RRset, sorted, without repetition and printable; the packet bounds how many there are.
func Values(rrs []dns.RR) []string {
	out := make([]string, 0, len(rrs))
	for _, rr := range rrs {
		v := Value(rr)
		out = append(out, clean(v[:min(len(v), maxValue)]))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Observed is what an observation keeps: the records asked for, else the alias that stands in their place.
func Observed(r wire.Reply, name string, qtype uint16) ([]string, *int32) {
	rrs := r.At(name, qtype)
	if len(rrs) == 0 {
		rrs = r.At(name, dns.TypeCNAME)
	}
	if len(rrs) == 0 && qtype == dns.TypeNS {
		rrs = slices.DeleteFunc(slices.Clone(r.Authority), func(rr dns.RR) bool { return rr.Header().Rrtype != dns.TypeNS })
	}
	list := Values(rrs)
	return list[:min(len(list), maxValues)], lowest(rrs)
}

// lowest is the lowest of an RRset; nil when there is none.
func lowest(rrs []dns.RR) *int32 {
	if len(rrs) == 0 {
		return nil
	}
	low := uint32(1<<31 - 1)
	for _, rr := range rrs {
		low = min(low, rr.Header().Ttl)
	}
	return new(int32(low))
}

// AddressList reads what are addresses of a list.
func AddressList(texts []string) []netip.Addr {
	var out []netip.Addr
	for _, t := range texts {
		if a, err := netip.ParseAddr(t); err == nil {
			out = append(out, a)
		}
	}
	return out
}

// Canonical brings an expected value into the form that Value gives.
func Canonical(typ, v string) string {
	switch typ {
	case "A", "AAAA":
		if a, err := netip.ParseAddr(v); err == nil {
			return a.Unmap().String()
		}
	case "CNAME", "ALIAS", "NS":
		return Plain(Full(v))
	case "CAA":
		if rr, err := dns.NewRR(". CAA " + v); err == nil && rr != nil {
			return Value(rr)
		}
	case "MX":
		return strings.ToLower(strings.TrimSuffix(v, "."))
	}
	return v
}

// Address gives the address of an A or AAAA record.
func Address(rr dns.RR) (netip.Addr, bool) {
	var raw []byte
	switch rr := rr.(type) {
	case *dns.A:
		raw = rr.A.To4()
	case *dns.AAAA:
		raw = rr.AAAA.To16()
	}
	return netip.AddrFromSlice(raw)
}
