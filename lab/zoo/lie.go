package zoo

import (
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// Silent never answers.
func Silent(Query, *dns.Msg) *dns.Msg { return nil }

// Lame answers without authority.
func Lame(_ Query, r *dns.Msg) *dns.Msg { r.Authoritative = false; return r }

// Code answers every question with a code and nothing else.
func Code(rcode int) Lie {
	return func(q Query, _ *dns.Msg) *dns.Msg {
		c := new(dns.Msg)
		c.SetRcode(q.Msg, rcode)
		return c
	}
}

// For tells a lie to questions of some types alone.
func For(l Lie, types ...uint16) Lie {
	return func(q Query, r *dns.Msg) *dns.Msg {
		if !slices.Contains(types, q.Type()) {
			return r
		}
		return l(q, r)
	}
}

// About tells a lie about one name and those below it.
func About(name string, l Lie) Lie {
	return func(q Query, r *dns.Msg) *dns.Msg {
		if !dns.IsSubDomain(dns.Fqdn(name), q.Name()) {
			return r
		}
		return l(q, r)
	}
}

// OverUDP tells a lie over UDP alone, OverTCP over TCP alone.
func OverUDP(l Lie) Lie {
	return func(q Query, r *dns.Msg) *dns.Msg {
		if q.TCP {
			return r
		}
		return l(q, r)
	}
}

// OverTCP tells a lie over TCP alone.
func OverTCP(l Lie) Lie {
	return func(q Query, r *dns.Msg) *dns.Msg {
		if !q.TCP {
			return r
		}
		return l(q, r)
	}
}

// ToIPv6 tells a lie to those who ask an IPv6 address of the server.
func ToIPv6(l Lie) Lie {
	return func(q Query, r *dns.Msg) *dns.Msg {
		if !q.At.Is6() {
			return r
		}
		return l(q, r)
	}
}

// Once tells a lie the first time that each name and type is asked for.
func Once(l Lie) Lie {
	var mu sync.Mutex
	seen := map[string]bool{}
	return func(q Query, r *dns.Msg) *dns.Msg {
		mu.Lock()
		defer mu.Unlock()
		k := q.Name() + dns.TypeToString[q.Type()]
		if seen[k] {
			return r
		}
		seen[k] = true
		return l(q, r)
	}
}

// All tells lies one after the other.
func All(lies ...Lie) Lie {
	return func(q Query, r *dns.Msg) *dns.Msg {
		for _, l := range lies {
			if r = l(q, r); r == nil {
				return nil
			}
		}
		return r
	}
}

// Says answers with records in place of the true ones; the name that was asked for stands as @.
func Says(answer, authority, additional string) Lie {
	return func(q Query, r *dns.Msg) *dns.Msg {
		r.Rcode = dns.RcodeSuccess
		r.Answer, r.Ns = q.World.Parse(q.Name(), answer), q.World.Parse(q.Name(), authority)
		r.Extra = slices.DeleteFunc(r.Extra, func(rr dns.RR) bool { return rr.Header().Rrtype != dns.TypeOPT })
		r.Extra = append(r.Extra, q.World.Parse(q.Name(), additional)...)
		return r
	}
}

// Refers sends to other servers, without authority.
func Refers(authority, additional string) Lie {
	return func(q Query, r *dns.Msg) *dns.Msg {
		r = Says("", authority, additional)(q, r)
		r.Authoritative = false
		return r
	}
}

// WrongID answers as if to another question.
func WrongID(_ Query, r *dns.Msg) *dns.Msg { r.Id++; return r }

// NoResponse sends a question back instead of an answer (QR=0).
func NoResponse(_ Query, r *dns.Msg) *dns.Msg { r.Response = false; return r }

// WrongQuestion repeats another name than was asked.
func WrongQuestion(_ Query, r *dns.Msg) *dns.Msg {
	return repeats(r, func(q *dns.Question) { q.Name = "other.lab." })
}

// WrongType repeats another type than was asked.
func WrongType(_ Query, r *dns.Msg) *dns.Msg {
	return repeats(r, func(q *dns.Question) { q.Qtype = dns.TypeHINFO })
}

// WrongClass answers in another class.
func WrongClass(_ Query, r *dns.Msg) *dns.Msg {
	return repeats(r, func(q *dns.Question) { q.Qclass = dns.ClassCHAOS })
}

// NoQuestion leaves the question out.
func NoQuestion(_ Query, r *dns.Msg) *dns.Msg { r.Question = nil; return r }

// LowerCase forgets the letter case of the question.
func LowerCase(_ Query, r *dns.Msg) *dns.Msg {
	return repeats(r, func(q *dns.Question) { q.Name = strings.ToLower(q.Name) })
}

// repeats changes the question that an answer repeats.
func repeats(r *dns.Msg, change func(*dns.Question)) *dns.Msg {
	for i := range r.Question {
		change(&r.Question[i])
	}
	return r
}

// WrongOwner gives its records another owner.
func WrongOwner(_ Query, r *dns.Msg) *dns.Msg {
	for _, rr := range r.Answer {
		rr.Header().Name = "stranger.lab."
	}
	return r
}

// RecordsOfClass gives its records another class.
func RecordsOfClass(_ Query, r *dns.Msg) *dns.Msg {
	for _, rr := range r.Answer {
		rr.Header().Class = dns.ClassCHAOS
	}
	return r
}

// Truncated cuts every answer short.
func Truncated(_ Query, r *dns.Msg) *dns.Msg {
	r.Truncated, r.Answer, r.Ns, r.Extra = true, nil, nil, nil
	return r
}

// NoEDNS answers FORMERR to questions with EDNS, as servers of the last century do.
func NoEDNS(q Query, r *dns.Msg) *dns.Msg {
	if q.IsEdns0() == nil {
		return r
	}
	c := new(dns.Msg)
	c.SetRcode(q.Msg, dns.RcodeFormatError)
	return c
}

// BadVersion answers BADVERS to every EDNS version.
func BadVersion(q Query, r *dns.Msg) *dns.Msg {
	if q.IsEdns0() == nil {
		return r
	}
	c := new(dns.Msg)
	c.SetReply(q.Msg)
	c.SetEdns0(1232, false)
	c.Rcode = dns.RcodeBadVers
	return c
}

// Stuffed adds records to the answer until it has n.
func Stuffed(n int) Lie {
	return func(q Query, r *dns.Msg) *dns.Msg {
		for len(r.Answer) < n {
			r.Answer = append(r.Answer, &dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: []byte{198, 51, 100, byte(len(r.Answer))}})
		}
		r.Compress = true
		return r
	}
}

// CutShort takes the last octets off a packet.
func CutShort(packet []byte) []byte { return packet[:len(packet)-min(len(packet), 3)] }

// TooShort leaves less than a header.
func TooShort(packet []byte) []byte { return packet[:min(len(packet), 5)] }

// FailsAtTheEnd answers SERVFAIL with the CNAMEs that it found, as BIND does when a chain has no end.
func FailsAtTheEnd(q Query, r *dns.Msg) *dns.Msg {
	if q.Type() != dns.TypeCNAME && len(r.Answer) > 0 && r.Answer[0].Header().Rrtype == dns.TypeCNAME {
		r.Rcode = dns.RcodeServerFailure
	}
	return r
}

// FailsAltogether answers SERVFAIL and nothing else then, as PowerDNS does.
func FailsAltogether(q Query, r *dns.Msg) *dns.Msg {
	if r = FailsAtTheEnd(q, r); r.Rcode == dns.RcodeServerFailure {
		return Code(dns.RcodeServerFailure)(q, r)
	}
	return r
}

// AliasFirst answers the CNAME that stands at a name to every question about it, as Knot does at an apex.
func AliasFirst(q Query, r *dns.Msg) *dns.Msg {
	if len(r.Answer) > 0 && r.Answer[0].Header().Rrtype == dns.TypeCNAME || q.Name() != "acme.lab." {
		return r
	}
	return Says("@ 300 CNAME "+Target+".", "", "")(q, r)
}

// Missing answers NXDOMAIN for names that exist without records of the type.
func Missing(_ Query, r *dns.Msg) *dns.Msg {
	if len(r.Answer) == 0 && r.Authoritative {
		r.Rcode = dns.RcodeNameError
	}
	return r
}

// Without leaves records of some types out of an answer.
func Without(types ...uint16) Lie {
	return func(_ Query, r *dns.Msg) *dns.Msg {
		for _, section := range []*[]dns.RR{&r.Answer, &r.Ns} {
			*section = slices.DeleteFunc(*section, func(rr dns.RR) bool { return slices.Contains(types, rr.Header().Rrtype) })
		}
		return r
	}
}
