package dnscheck

import (
	"context"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/mailpolicy"
)

// spfQuestions are those that the walks to what an SPF record includes may need, beside the walk to the host's own zone.
const spfQuestions = 60

// measureMail follows the SPF record that should stand, with our senders in it, as receivers will: above ten look-ups they believe none of it.
func (r *run) measureMail(ctx context.Context, m *tree.Matrix) {
	if r.Question.Depth != analysis.Full {
		return
	}
	for i, x := range r.Question.Expected {
		record := r.Sending(x, m)
		if record == nil {
			continue
		}
		r.Extend(spfQuestions)
		r.Measured(i, mailpolicy.Measure(x.FQDN, record, func(name, typ string) ([]string, bool) {
			if _, ok := dns.IsDomainName(name); !ok {
				return nil, true // there is no such name
			}
			got, err := r.Resolve(ctx, tree.Deciding, tree.Full(name), dns.StringToType[typ])
			return tree.Values(got.Set), err == nil
		}), m)
	}
}
