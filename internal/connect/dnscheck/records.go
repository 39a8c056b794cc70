package dnscheck

import (
	"context"
	"errors"
	"slices"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/judge"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

// records judges what was asked for, and looks for what went astray.
func (r *run) records(ctx context.Context, z tree.Cut, m *tree.Matrix) {
	for _, x := range r.Question.Expected {
		r.Answer.Records = append(r.Answer.Records, r.Judge(x, m))
	}
	if r.Question.Depth == analysis.Light {
		r.Ownership(m)
		return
	}
	if r.Question.Depth == analysis.Full {
		r.searchMisnamed(ctx, z)
		r.searchElsewhere(ctx, z)
	}
	r.Conflicts(m)
	r.checkChain(ctx)
	r.measureMail(ctx, m)
	r.Failing(m)
	r.Ownership(m)
	for i, x := range r.Question.Expected {
		if f := r.Answer.Records[i].Finding; f != nil && r.Counts(x) && (judge.Right(r.Answer.Records[i].Status) || !r.Satisfied(x)) {
			r.Find(*f)
		}
	}
	r.Existing(m)
	r.Answer.Apex.Flattened = slices.ContainsFunc(r.Answer.Records, func(res analysis.RecordResult) bool { return res.Status == judge.Flattened })
	state, text := "DONE", "records_read"
	if slices.ContainsFunc(r.Answer.Findings, func(f finding.Finding) bool { return f.Facet == finding.DNS && f.NeedsPerson() }) {
		state = "WARNING"
	}
	if r.Question.Depth == analysis.Full {
		r.step("records", state, text, params{"conflicts": len(r.Answer.Conflicts)})
	}
}

// checkChain follows the alias that stands in the place of ours, to say when it leads nowhere.
func (r *run) checkChain(ctx context.Context) {
	if r.Question.Depth != analysis.Full {
		return
	}
	for i, x := range r.Question.Expected {
		res := &r.Answer.Records[i]
		if x.Type != "CNAME" || res.Status != judge.WrongValue || x.Purpose != "ROUTING" {
			continue
		}
		got, err := r.Resolve(ctx, tree.Deciding, tree.Full(x.FQDN), dns.TypeA)
		if !errors.Is(err, tree.ErrChain) {
			continue
		}
		chain := make([]string, len(got.Chain))
		for n, name := range got.Chain {
			chain[n] = tree.Plain(name)
		}
		res.Finding = new(finding.New(finding.CNAMEChain, params{"name": x.FQDN, "chain": chain}, got.IDs...))
	}
}
