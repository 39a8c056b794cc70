package dnscheck

import (
	"sync"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/dnssec"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/issuer"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/judge"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
)

// How long an analysis may take.
const (
	interactive = 3 * time.Second
	background  = 10 * time.Second
)

// run is one analysis while it goes on. What stands under mu, and what the case learns, may be touched by all its goroutines; the rest is set before
// they start.
type run struct {
	*tree.Session
	*judge.Case
	e *Engine

	mu      sync.Mutex
	trust   dnssec.Trust
	caaNow  issuer.Relevant  // as the name leads today
	caaThen *issuer.Relevant // as it will lead when the expected CNAME stands; nil when there is none
	offer   *provider.Offer  // nil: nothing is offered, or nobody waits
}

func (r *run) step(key, state, text string, params map[string]any) {
	if r.Question.Progress != nil {
		r.Question.Progress(analysis.Step{Key: key, State: state, Text: text, Params: params})
	}
}

// chain is how signatures are followed in this analysis.
func (r *run) chain() *dnssec.Chain {
	return &dnssec.Chain{Session: r.Session, Ring: &r.e.ring, Anchors: r.e.Settings.anchors(), Registry: r.registry, Now: r.e.now}
}

type params = map[string]any
