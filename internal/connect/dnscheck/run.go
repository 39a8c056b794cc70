package dnscheck

import (
	"net/netip"
	"sync"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/dnssec"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
)

// How long an analysis may take.
const (
	interactive = 3 * time.Second
	background  = 10 * time.Second
)

// run is one analysis while it goes on. What stands under mu may be touched by all its goroutines; the rest is set before they start.
type run struct {
	*tree.Session
	e     *Engine
	q     analysis.Question
	host  string // canonical
	owner string // where the routing record stands: host, or "*." before it
	cut   tree.Cut
	zone  string // its apex

	mu      sync.Mutex
	ans     analysis.Answer
	ours    []netip.Addr             // where our edge is, by the settings and by the target
	found   map[tree.Key]tree.Answer // of discovery
	wild    wildcard
	trust   dnssec.Trust
	caaNow  relevant  // as the name leads today
	caaThen *relevant // as it will lead when the expected CNAME stands; nil when there is none
}

func (r *run) step(key, state, text string, params map[string]any) {
	if r.q.Progress != nil {
		r.q.Progress(analysis.Step{Key: key, State: state, Text: text, Params: params})
	}
}

// chain is how signatures are followed in this analysis.
func (r *run) chain() *dnssec.Chain {
	return &dnssec.Chain{Session: r.Session, Ring: &r.e.ring, Anchors: r.e.Settings.anchors(), Registry: r.registry, Now: r.e.now}
}
