package edgedns

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
)

// zone is what this node knows of the edge zone and of the sub-zones that customers delegated to us. It is fed by the edge and answers without a
// database.
type zone struct {
	mu         sync.RWMutex
	targets    map[string]*time.Time           // by name without the zone: until when it answers, nil for as long as the connection is open
	issuers    map[string]map[string]time.Time // CAs of its own that a target names beside ours: until when
	texts      map[string]map[string]text      // by whole name, by value
	subzones   map[string]subzone              // by apex
	generation int64
}

// text is the life of a TXT record.
type text struct {
	ttl   uint32
	until time.Time // zero: for good
}

// subzone is a customer's name that is delegated to us as a whole.
type subzone struct {
	token string // of the connection, whose name servers it has
	until time.Time
}

func past(until, now time.Time) bool { return !until.IsZero() && !now.Before(until) }

// Apply takes the rows of a snapshot over. With all set they are everything there is; without, they replace what was known of the same names.
// Rows that are over are forgotten, and so are rows of other types and of names that are not ours to answer for.
func (s *Server) Apply(snapshot edgeentry.Snapshot, all bool) {
	z, now := &s.zone, s.now()
	z.mu.Lock()
	defer z.mu.Unlock()
	if all || z.targets == nil {
		z.targets = make(map[string]*time.Time, len(snapshot.Records))
		z.issuers, z.texts, z.subzones = map[string]map[string]time.Time{}, map[string]map[string]text{}, map[string]subzone{}
	}
	keys := false
	for _, r := range snapshot.Records {
		name := strings.ToLower(strings.TrimSuffix(r.FQDN, "."))
		label, below := strings.CutSuffix(name, "."+s.zoneName())
		var until time.Time
		if r.ExpiresAt != nil {
			until = *r.ExpiresAt
		}
		over := past(until, now)
		switch {
		case r.Type == edgeentry.TypeTarget && below && over:
			delete(z.targets, label)
		case r.Type == edgeentry.TypeTarget && below:
			z.targets[label] = r.ExpiresAt
		case r.Type == edgeentry.TypeIssuer && below:
			put(z.issuers, label, r.Value, until, over)
		case r.Type == edgeentry.TypeText:
			put(z.texts, name, r.Value, text{uint32(max(0, r.TTL)), until}, over)
		case r.Type == edgeentry.TypeDelegation && over && z.subzones[name].token == strings.ToLower(r.Value): // and not of who has it since
			delete(z.subzones, name)
		case r.Type == edgeentry.TypeDelegation && over:
		case r.Type == edgeentry.TypeDelegation && !below && name != s.zoneName():
			z.subzones[name] = subzone{strings.ToLower(r.Value), until}
		case r.Type == edgeentry.TypeKey:
			keys = true
		}
	}
	for name, values := range z.texts { // few: those of orders under way
		maps.DeleteFunc(values, func(_ string, t text) bool { return past(t.until, now) })
		if len(values) == 0 {
			delete(z.texts, name)
		}
	}
	z.generation = snapshot.Generation
	if keys && !all {
		s.signing.look()
	}
}

// put adds a value under a name, or takes it away.
func put[V any](to map[string]map[string]V, name, value string, v V, over bool) {
	if over {
		delete(to[name], value)
		return
	}
	if to[name] == nil {
		to[name] = map[string]V{}
	}
	to[name][value] = v
}

// serial is the generation as a SOA serial, which is 32 bits wide and wraps (RFC 1982).
func (z *zone) serial() uint32 {
	z.mu.RLock()
	defer z.mu.RUnlock()
	return max(1, uint32(z.generation))
}

// target says whether a name of the zone is a target that still answers.
func (z *zone) target(label string, now time.Time) bool {
	z.mu.RLock()
	defer z.mu.RUnlock()
	until, known := z.targets[label]
	return known && (until == nil || now.Before(*until))
}

// plain is target for a label as it lies in a packet, in lower case. It also says whether there is nothing special about the name, so that its
// answers are those of every target, or of every name that does not exist.
func (z *zone) plain(label []byte, zone string, now time.Time) (target, plain bool) {
	z.mu.RLock()
	defer z.mu.RUnlock()
	until, known := z.targets[string(label)]
	plain = len(z.issuers[string(label)]) == 0
	if plain && len(z.texts) > 0 {
		var buf [320]byte
		name := append(append(append(buf[:0], label...), '.'), zone...)
		plain = len(z.texts[string(name)]) == 0
	}
	return known && (until == nil || now.Before(*until)), plain
}

// issuersOf are the CAs that a target names beside ours, sorted.
func (z *zone) issuersOf(label string, now time.Time) (out []string) {
	z.mu.RLock()
	defer z.mu.RUnlock()
	for _, identity := range slices.Sorted(maps.Keys(z.issuers[label])) {
		if !past(z.issuers[label][identity], now) {
			out = append(out, identity)
		}
	}
	return out
}

// textsAt are the texts at a whole name, sorted, with the smallest of their TTLs.
func (z *zone) textsAt(name string, now time.Time) (out []string, ttl uint32) {
	z.mu.RLock()
	defer z.mu.RUnlock()
	for _, value := range slices.Sorted(maps.Keys(z.texts[name])) {
		t := z.texts[name][value]
		if past(t.until, now) {
			continue
		}
		if len(out) == 0 || t.ttl < ttl {
			ttl = t.ttl
		}
		out = append(out, value)
	}
	return out, ttl
}

// within is the sub-zone that a name lies in, the deepest one.
func (z *zone) within(name string, now time.Time) (apex string, of subzone, found bool) {
	z.mu.RLock()
	defer z.mu.RUnlock()
	for apex = name; apex != ""; {
		if of, found = z.subzones[apex]; found && !past(of.until, now) {
			return apex, of, true
		}
		_, apex, _ = strings.Cut(apex, ".")
	}
	return "", subzone{}, false
}
