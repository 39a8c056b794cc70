package edgedns

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

const tsigSecret = "bmFtZXBsYXRlIHRlc3Qga2V5IG9mIDMyIG9jdGV0cyE="

// primary is somebody else's name server, which takes dynamic updates from who knows the key.
type primary struct {
	mu      sync.Mutex
	rrsets  map[string][]string // name and type → records in the form of a zone file
	updates int
	refused int
	down    bool
	addr    string
}

func startPrimary(t *testing.T) *primary {
	t.Helper()
	p := &primary{rrsets: map[string][]string{}}
	ready := make(chan struct{})
	srv := &dns.Server{Addr: "127.0.0.1:0", Net: "tcp", Handler: dns.HandlerFunc(p.serve), TsigSecret: map[string]string{"nameplate.": tsigSecret}, NotifyStartedFunc: func() { close(ready) },
		MsgAcceptFunc: func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }}
	done := make(chan error, 1)
	go func() { done <- srv.ListenAndServe() }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	p.addr = srv.Listener.Addr().String()
	t.Cleanup(func() {
		_ = srv.Shutdown()
		<-done
	})
	return p
}

func (p *primary) serve(w dns.ResponseWriter, r *dns.Msg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := new(dns.Msg).SetReply(r)
	defer func() { _ = w.WriteMsg(m) }()
	switch {
	case p.down:
		m.Rcode = dns.RcodeServerFailure
	case r.Opcode == dns.OpcodeUpdate && (r.IsTsig() == nil || w.TsigStatus() != nil):
		m.Rcode = dns.RcodeNotAuth
		p.refused++
	case r.Opcode == dns.OpcodeUpdate:
		p.updates++
		for _, rr := range r.Ns { // RFC 2136 section 3.4.2
			h := rr.Header()
			key := h.Name + " " + dns.TypeToString[h.Rrtype]
			switch {
			case h.Class == dns.ClassANY && h.Rrtype == dns.TypeANY:
				for k := range p.rrsets {
					if strings.HasPrefix(k, h.Name+" ") {
						delete(p.rrsets, k)
					}
				}
			case h.Class == dns.ClassANY:
				delete(p.rrsets, key)
			case h.Class == dns.ClassINET:
				p.rrsets[key] = append(p.rrsets[key], rr.String())
			}
		}
		if t := r.IsTsig(); t != nil {
			m.SetTsig(t.Hdr.Name, t.Algorithm, 300, time.Now().Unix())
		}
	case r.Opcode == dns.OpcodeQuery:
		for _, s := range p.rrsets[r.Question[0].Name+" "+dns.TypeToString[r.Question[0].Qtype]] {
			if rr, err := dns.NewRR(s); err == nil {
				m.Answer = append(m.Answer, rr)
			}
		}
	}
}

// has are the records at a name, sorted, without those that only say how far it is.
func (p *primary) has(name string) (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k, rrs := range p.rrsets {
		if strings.HasPrefix(k, name+". ") {
			for _, rr := range rrs {
				out = append(out, strings.Join(strings.Fields(rr)[3:], " "))
			}
		}
	}
	slices.Sort(out)
	return out
}

func (p *primary) set(fn func()) { p.mu.Lock(); defer p.mu.Unlock(); fn() }

// rows are a projection in memory.
type rows struct {
	mu         sync.Mutex
	generation int64
	records    map[string]edgeentry.ZoneRecord
	acked      int64
	loads      int
}

func (r *rows) put(records ...edgeentry.ZoneRecord) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.generation++
	for _, rec := range records {
		rec.Generation = r.generation
		r.records[rec.FQDN+rec.Type+rec.Value] = rec
	}
	return r.generation
}

func (r *rows) Generation(context.Context) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.generation, nil
}

func (r *rows) Load(context.Context) (edgeentry.Snapshot, error) {
	s, err := r.Delta(context.Background(), 0)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.loads++
	s.Records = slices.DeleteFunc(s.Records, func(z edgeentry.ZoneRecord) bool { return z.ExpiresAt != nil && !z.ExpiresAt.After(time.Now()) })
	return s, err
}

func (r *rows) Delta(_ context.Context, after int64) (edgeentry.Snapshot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := edgeentry.Snapshot{Generation: r.generation}
	for _, z := range r.records {
		if z.Generation > after {
			s.Records = append(s.Records, z)
		}
	}
	return s, nil
}

func (r *rows) Heartbeat(_ context.Context, n edgeentry.Node) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acked = n.Acked
	return nil
}

func (r *rows) Leave(context.Context, ident.EdgeNodeID) error { return nil }

func (r *rows) has() int64 { r.mu.Lock(); defer r.mu.Unlock(); return r.acked }

// publish runs a publisher until the returned function is called.
func publish(t *testing.T, p *primary, r *rows, secret string) (stop func()) {
	t.Helper()
	answers := fixture()
	answers.Listeners = nil
	pub := &Publisher{Answers: answers, Projection: r, To: p.addr, Key: TSIG{"nameplate.", dns.HmacSHA256, secret}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- pub.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func becomes(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline, tick := time.After(15*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

// TestPublish_TheSameRowsAtAnotherServer: what our own server would answer stands at the other one after each change; what ends is taken away, at its time and while
// nobody published; a generation is acknowledged when that server has it, and not before (EZ-5).
func TestPublish_TheSameRowsAtAnotherServer(t *testing.T) {
	t.Parallel()
	p, r := startPrimary(t), &rows{records: map[string]edgeentry.ZoneRecord{}}
	for n := range 120 { // more than one update holds
		r.put(edgeentry.ZoneRecord{FQDN: fmt.Sprintf("t%d.edge.lab", n), Type: edgeentry.TypeTarget})
	}
	g := r.put(edgeentry.ZoneRecord{FQDN: token + ".edge.lab", Type: edgeentry.TypeTarget})
	stop := publish(t, p, r, tsigSecret)
	becomes(t, "the first publication", func() bool { return r.has() == g })
	target := []string{"A 192.0.2.1", "A 192.0.2.2", "AAAA 2001:db8::1", `CAA 0 issue "ca.lab; accounturi=https://ca.lab/acct/1"`, `CAA 0 issue "second.lab"`}
	for _, name := range []string{token, "t0", "t119"} {
		if got := p.has(name + ".edge.lab"); !slices.Equal(got, target) {
			t.Errorf("%s: %q", name, got)
		}
	}

	challenge := token + ".acme.edge.lab"
	p.set(func() { p.down = true })
	g = r.put(edgeentry.ZoneRecord{FQDN: challenge, Type: edgeentry.TypeText, Value: "digest", TTL: 1, ExpiresAt: new(time.Now().Add(time.Hour))})
	time1 := r.has()
	p.set(func() { p.down = false })
	becomes(t, "the challenge", func() bool { return r.has() == g })
	if got := p.has(challenge); time1 == g || !slices.Equal(got, []string{`TXT "digest"`}) {
		t.Errorf("%q, acknowledged %d before", got, time1)
	}
	g = r.put(edgeentry.ZoneRecord{FQDN: challenge, Type: edgeentry.TypeText, Value: "digest", TTL: 1, ExpiresAt: new(time.Now())})
	becomes(t, "the end of the challenge", func() bool { return r.has() == g && len(p.has(challenge)) == 0 })

	r.put(edgeentry.ZoneRecord{FQDN: "t1.edge.lab", Type: edgeentry.TypeTarget, ExpiresAt: new(time.Now().Add(700 * time.Millisecond))})
	becomes(t, "the end of a target at its time", func() bool { return len(p.has("t1.edge.lab")) == 0 })

	stop()
	r.put(edgeentry.ZoneRecord{FQDN: "t2.edge.lab", Type: edgeentry.TypeTarget, ExpiresAt: new(time.Now().Add(-time.Second))})
	g = r.put(edgeentry.ZoneRecord{FQDN: "new.edge.lab", Type: edgeentry.TypeTarget})
	var before int
	p.set(func() { before = p.updates })
	publish(t, p, r, tsigSecret)
	becomes(t, "what happened meanwhile", func() bool {
		return r.has() == g && len(p.has("t2.edge.lab")) == 0 && len(p.has("new.edge.lab")) == len(target)
	})
	p.set(func() {
		if n := p.updates - before; n > 2 {
			t.Errorf("a restart wrote everything again, in %d updates", n)
		}
	})
}

// TestPublish_NothingWithoutTheKey: who does not know the key publishes nothing, and acknowledges nothing.
func TestPublish_NothingWithoutTheKey(t *testing.T) {
	t.Parallel()
	p, r := startPrimary(t), &rows{records: map[string]edgeentry.ZoneRecord{}}
	r.put(edgeentry.ZoneRecord{FQDN: token + ".edge.lab", Type: edgeentry.TypeTarget}, edgeentry.ZoneRecord{FQDN: "shop.acme.lab", Type: edgeentry.TypeText, Value: "not ours"})
	stop := publish(t, p, r, "d3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmch")
	becomes(t, "the refusal", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.refused > 0 })
	stop()
	if r.has() != 0 || len(p.has(token+".edge.lab")) > 0 {
		t.Error("something was published")
	}
	publish(t, p, r, tsigSecret)
	becomes(t, "the publication", func() bool { return len(p.has(token+".edge.lab")) > 0 })
	if got := p.has("shop.acme.lab"); len(got) > 0 {
		t.Errorf("outside of the zone: %q", got)
	}
}

func TestParseTSIG(t *testing.T) {
	t.Parallel()
	if k, err := ParseTSIG("nameplate:hmac-sha256:" + tsigSecret); err != nil || k != (TSIG{"nameplate.", dns.HmacSHA256, tsigSecret}) {
		t.Error(k, err)
	}
	for _, s := range []string{"", "nameplate", "nameplate:hmac-sha256:", ":hmac-sha256:" + tsigSecret, "nameplate:hmac-md5:" + tsigSecret, "nameplate:hmac-sha256:%%", "a:b:c:d"} {
		if k, err := ParseTSIG(s); err == nil {
			t.Errorf("%q: %v", s, k)
		}
	}
}
