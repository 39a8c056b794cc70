package dnscheck

import (
	"context"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
)

// offerPatience keeps a slow service from holding up what the DNS has said.
const offerPatience = 1500 * time.Millisecond

// askOffer asks the service that the zone names whether its provider would set records with the person's consent. Only a person waits for such an answer.
func (r *run) askOffer(ctx context.Context, z tree.Cut) {
	if r.e.Offer == nil || !r.Question.Interactive && !r.Question.First {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, offerPatience)
	defer cancel()
	got, err := r.Resolve(ctx, tree.Walking, "_domainconnect."+z.Apex, dns.TypeTXT)
	if err != nil || len(got.Set) != 1 {
		return
	}
	text, ok := got.Set[0].(*dns.TXT)
	if !ok {
		return
	}
	service := ""
	for _, part := range text.Txt {
		service += part
	}
	o := r.e.Offer(ctx, tree.Plain(z.Apex), service)
	r.mu.Lock()
	r.offer = o
	r.mu.Unlock()
}
