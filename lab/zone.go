package lab

import (
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/lab/authority"
)

// Words of package authority that tests use.
type (
	RRset = authority.RRset
	Fault = authority.Fault
)

// DefaultTTL is what Set uses.
const DefaultTTL = 300

// Faults for Provider.Fail and Zone.Fail. Without servers they hold for all; "ns1" is enough for a name.
func Timeout(servers ...string) Fault     { return Fault{Kind: authority.Timeout}.On(servers...) }
func Refused(servers ...string) Fault     { return Fault{Kind: authority.Refused}.On(servers...) }
func Servfail(servers ...string) Fault    { return Fault{Kind: authority.Servfail}.On(servers...) }
func Lame(servers ...string) Fault        { return Fault{Kind: authority.Lame}.On(servers...) }
func Truncate(servers ...string) Fault    { return Fault{Kind: authority.Truncate}.On(servers...) }
func ServfailCAA(servers ...string) Fault { return Fault{Kind: authority.ServfailCAA}.On(servers...) }

// Slow makes servers answer after d.
func Slow(d time.Duration, servers ...string) Fault {
	return Fault{Kind: authority.Slow, Delay: d}.On(servers...)
}

// APIStatus makes the provider's API answer with an error status; RejectRecord makes it refuse the n-th
// change from now.
func APIStatus(code int) Fault { return Fault{Kind: authority.APIStatus, Status: code} }
func RejectRecord(n int) Fault { return Fault{Kind: authority.RejectN, N: n} }

// Zone is a zone at its provider, edited as its owner would. Names are relative to it, "@" is the apex;
// values are absolute names with or without the final dot. An edit that makes no sense panics: it is a
// mistake in the test.
type Zone struct {
	w *World
	h *hosted
}

// Zone finds a zone of the world: a customer's, a provider's own, ".", "lab", "co.lab" or "pages.lab". An
// unknown name panics.
func (w *World) Zone(name string) *Zone {
	if h := w.find(name); h != nil {
		return &Zone{w, h}
	}
	panic(fmt.Sprintf("lab: no zone %q", name))
}

func (w *World) find(name string) *hosted {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.zones[dns.CanonicalName(name)]
}

// Set replaces the values of one type at one name with a TTL of 300.
func (z *Zone) Set(name, typ string, values ...string) *Zone {
	return z.SetTTL(name, typ, DefaultTTL, values...)
}

// SetTTL is Set with a TTL in seconds.
func (z *Zone) SetTTL(name, typ string, ttl uint32, values ...string) *Zone {
	must(z.h.zone.Put(RRset{Name: name, Type: typ, TTL: ttl, Values: values}))
	return z
}

// Delete removes one type at one name.
func (z *Zone) Delete(name, typ string) *Zone {
	_, err := z.h.zone.Remove(name, typ)
	must(err)
	return z
}

// Get returns the values of one type at one name, nil when there are none.
func (z *Zone) Get(name, typ string) []string {
	set, _ := z.h.zone.Find(name, typ)
	return set.Values
}

// All returns the zone's content.
func (z *Zone) All() []RRset { return z.h.zone.All() }

// Serial is the serial of the newest version.
func (z *Zone) Serial() uint32 { return z.h.zone.Serial() }

// NameServers lists the names of the servers that host the zone.
func (z *Zone) NameServers() []string {
	out := make([]string, 0, len(z.h.servers))
	for _, s := range z.h.servers {
		out = append(out, s.Name)
	}
	return out
}

// Fail adds faults that hold for this zone alone.
func (z *Zone) Fail(faults ...Fault) *Zone {
	for _, s := range z.h.servers {
		s.FailZone(z.h.zone.Apex(), faults...)
	}
	return z
}

// Heal ends them.
func (z *Zone) Heal() *Zone {
	for _, s := range z.h.servers {
		s.HealZone(z.h.zone.Apex())
	}
	return z
}

// On edits one server alone, until the next edit of the same name and type on all.
func (z *Zone) On(server string) *ServerZone {
	i := slices.IndexFunc(z.h.servers, func(s *authority.Server) bool { return authority.Names(s.Name, server) })
	if i < 0 {
		panic(fmt.Sprintf("lab: %s is not on a server %q, only on %v", z.h.zone.Apex(), server, z.NameServers()))
	}
	return &ServerZone{z.h.zone, z.h.servers[i].Name}
}

// ServerZone is a zone as one of its servers has it.
type ServerZone struct {
	zone   *authority.Zone
	server string
}

// Set replaces the values of one type at one name on this server.
func (z *ServerZone) Set(name, typ string, values ...string) *ServerZone {
	must(z.zone.PutOn(z.server, RRset{Name: name, Type: typ, TTL: DefaultTTL, Values: values}))
	return z
}

// Delete removes one type at one name on this server.
func (z *ServerZone) Delete(name, typ string) *ServerZone {
	must(z.zone.RemoveOn(z.server, name, typ))
	return z
}

func must(err error) {
	if err != nil {
		panic("lab: " + err.Error())
	}
}
