package edgedns

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// Projection is what a publisher reads, and where it says how far it is.
type Projection interface {
	Generation(ctx context.Context) (int64, error)
	Load(ctx context.Context) (edgeentry.Snapshot, error)
	Delta(ctx context.Context, after int64) (edgeentry.Snapshot, error)
	Heartbeat(ctx context.Context, n edgeentry.Node) error
	Leave(ctx context.Context, id ident.EdgeNodeID) error
}

// Publisher writes what our own name server would answer into another one, by dynamic update (RFC 2136) signed with TSIG (RFC 8945): for operators who cannot run
// DNS on port 53. It is a node like an edge: it acknowledges a generation when the other server has taken it, so challenges wait for it too.
//
// The zone's own records, SOA, NS and the addresses of name servers, are the operator's. How far it came stands in the zone itself, at _generation: after a
// restart it goes on there, and takes away what ended meanwhile. Several publishers write the same, and it does not matter in which order.
type Publisher struct {
	Answers    *Server // what is published; without listeners
	Projection Projection
	Poked      <-chan struct{}
	To         string // host:port of the primary, over TCP
	Key        TSIG
	Version    string
	Log        *slog.Logger // nil: discarded

	id      ident.EdgeNodeID
	started time.Time
	known   int64                // the generation that Answers has
	done    int64                // the generation that the other server has
	open    map[string]bool      // names that are to be written
	ends    map[string]time.Time // when the next thing ends at a name
}

// TSIG is a key that both servers know.
type TSIG struct{ Name, Algorithm, Secret string }

const (
	publishLook   = 500 * time.Millisecond
	publishTime   = 10 * time.Second // one update
	publishAtOnce = 50               // names in one update
	publishWait   = 5 * time.Second  // after an error
	marker        = "_generation"
	heartbeat     = time.Second
)

// ParseTSIG reads name:algorithm:secret, as in keys.example:hmac-sha256:base64.
func ParseTSIG(s string) (TSIG, error) {
	parts := strings.Split(s, ":")
	if len(parts) != 3 || parts[0] == "" || parts[2] == "" {
		return TSIG{}, errors.New("is name:algorithm:secret, such as nameplate:hmac-sha256:base64")
	}
	if _, err := base64.StdEncoding.DecodeString(parts[2]); err != nil {
		return TSIG{}, errors.New("has a secret that is not base64")
	}
	k := TSIG{dns.CanonicalName(parts[0]), dns.CanonicalName(parts[1]), parts[2]}
	if !slices.Contains([]string{dns.HmacSHA256, dns.HmacSHA384, dns.HmacSHA512}, k.Algorithm) {
		return TSIG{}, errors.New("has an algorithm other than hmac-sha256, hmac-sha384 and hmac-sha512")
	}
	return k, nil
}

// Run follows the projection until ctx ends.
func (p *Publisher) Run(ctx context.Context) error {
	p.Log = cmp.Or(p.Log, slog.New(slog.DiscardHandler))
	p.id, p.started = ident.New[ident.EdgeNodeID](p.Answers.now()), p.Answers.now()
	look, beat := time.NewTicker(publishLook), time.NewTicker(heartbeat)
	defer look.Stop()
	defer beat.Stop()
	defer p.leave(ctx)
	away := false
	for until := (time.Time{}); ; {
		if time.Now().After(until) {
			err := p.step(ctx)
			if ctx.Err() != nil {
				return nil
			}
			if (err != nil) != away {
				away = err != nil
				p.Log.Warn("the published edge zone", "server", p.To, "away", away, "err", err)
			}
			if until = (time.Time{}); err != nil {
				until = time.Now().Add(publishWait)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-p.Poked:
		case <-look.C:
		case <-beat.C:
			p.acknowledge(ctx)
		}
	}
}

// step brings the other server to where the projection is.
func (p *Publisher) step(ctx context.Context) error {
	before := p.done
	generation, err := p.Projection.Generation(ctx)
	switch {
	case err != nil: // what is known goes on being published
	case p.open == nil || generation < p.known:
		err = p.begin(ctx)
	case generation > p.known:
		var s edgeentry.Snapshot
		if s, err = p.Projection.Delta(ctx, p.known); err == nil {
			p.take(s, false)
		}
	}
	if p.open == nil {
		return err
	}
	now := p.Answers.now()
	for name, at := range p.ends {
		if !at.After(now) {
			p.open[name] = true
			delete(p.ends, name)
		}
	}
	if failed := p.write(ctx); failed != nil {
		return errors.Join(err, failed)
	}
	if p.done != before {
		p.acknowledge(ctx) // at once: orders wait for it
	}
	return err
}

// begin reads everything, and what has changed since the other server's generation: all of it where that is not known.
func (p *Publisher) begin(ctx context.Context) error {
	all, err := p.Projection.Load(ctx)
	if err != nil {
		return err
	}
	at, err := p.published(ctx)
	if err != nil {
		return err
	}
	p.open, p.ends = map[string]bool{}, map[string]time.Time{}
	p.take(all, true)
	if at == 0 || at > all.Generation {
		return nil
	}
	since, err := p.Projection.Delta(ctx, at)
	if err != nil {
		p.open = nil
		return err
	}
	p.open = map[string]bool{}
	p.note(since)
	return nil
}

func (p *Publisher) take(s edgeentry.Snapshot, all bool) {
	p.Answers.Apply(s, all)
	p.known = s.Generation
	p.note(s)
}

// note remembers which names have to be written, and when something ends there by itself.
func (p *Publisher) note(s edgeentry.Snapshot) {
	now := p.Answers.now()
	for _, r := range s.Records {
		name := strings.ToLower(strings.TrimSuffix(r.FQDN, "."))
		if r.Type == edgeentry.TypeKey || r.Type == edgeentry.TypeDelegation || !strings.HasSuffix(name, "."+p.Answers.zoneName()) {
			continue // a sub-zone is no part of this one: only our own server can answer for it
		}
		p.open[name] = true
		if r.ExpiresAt != nil && r.ExpiresAt.After(now) && (p.ends[name].IsZero() || r.ExpiresAt.Before(p.ends[name])) {
			p.ends[name] = *r.ExpiresAt
		}
	}
}

// write publishes what is open, fifty names at a time, and the generation with the last of them.
func (p *Publisher) write(ctx context.Context) error {
	if len(p.open) == 0 && p.done == p.known {
		return nil
	}
	names := slices.Sorted(maps.Keys(p.open))
	for len(names) > 0 || p.done != p.known {
		some := names[:min(len(names), publishAtOnce)]
		names = names[len(some):]
		m := new(dns.Msg).SetUpdate(p.Answers.zoneName() + ".")
		for _, name := range some {
			m.RemoveName([]dns.RR{&dns.ANY{Hdr: header(name+".", dns.TypeANY, 0)}})
			m.Insert(p.at(name))
		}
		if len(names) == 0 {
			mark := txt(marker+"."+p.Answers.zoneName()+".", []string{strconv.FormatInt(p.known, 10)}, ttlStable)
			m.RemoveRRset(mark)
			m.Insert(mark)
		}
		if err := p.send(ctx, m); err != nil {
			return err
		}
		for _, name := range some {
			delete(p.open, name)
		}
		if len(names) == 0 {
			p.done = p.known
		}
	}
	return nil
}

// at are the records of a name, as our own server answers with them.
func (p *Publisher) at(name string) (out []dns.RR) {
	for _, t := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeCAA, dns.TypeTXT, dns.TypeHTTPS} {
		m := new(dns.Msg)
		p.Answers.answer(m, dns.Question{Name: name + ".", Qtype: t, Qclass: dns.ClassINET}, nil)
		out = append(out, m.Answer...)
	}
	return out
}

func (p *Publisher) client() *dns.Client {
	return &dns.Client{Net: "tcp", Timeout: publishTime, TsigSecret: map[string]string{p.Key.Name: p.Key.Secret}}
}

func (p *Publisher) send(ctx context.Context, m *dns.Msg) error {
	m.SetTsig(p.Key.Name, p.Key.Algorithm, 300, time.Now().Unix())
	a, _, err := p.client().ExchangeContext(ctx, m, p.To)
	switch {
	case err != nil:
		return fmt.Errorf("update %s at %s: %w", p.Answers.zoneName(), p.To, err)
	case a.Rcode != dns.RcodeSuccess:
		return fmt.Errorf("update %s at %s: it answers %s", p.Answers.zoneName(), p.To, dns.RcodeToString[a.Rcode])
	}
	return nil
}

// published is the generation that the other server has; 0 when it says none.
func (p *Publisher) published(ctx context.Context) (int64, error) {
	m := new(dns.Msg).SetQuestion(marker+"."+p.Answers.zoneName()+".", dns.TypeTXT)
	a, _, err := p.client().ExchangeContext(ctx, m, p.To)
	if err != nil {
		return 0, fmt.Errorf("ask %s how far it is: %w", p.To, err)
	}
	for _, rr := range a.Answer {
		if t, ok := rr.(*dns.TXT); ok && len(t.Txt) == 1 {
			if n, err := strconv.ParseInt(t.Txt[0], 10, 64); err == nil && n > 0 {
				return n, nil
			}
		}
	}
	return 0, nil
}

func (p *Publisher) acknowledge(ctx context.Context) {
	if p.open == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, publishTime)
	defer cancel()
	n := edgeentry.Node{ID: p.id, Name: "publisher " + p.id.String(), Version: p.Version, ServesDNS: true, StartedAt: p.started, Acked: p.done}
	if err := p.Projection.Heartbeat(ctx, n); err != nil && ctx.Err() == nil {
		p.Log.Warn("say how far the published edge zone is", "err", err)
	}
}

// leave takes the publisher out of those that orders wait for.
func (p *Publisher) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := p.Projection.Leave(ctx, p.id); err != nil {
		p.Log.Warn("leave the edges", "err", err)
	}
}
