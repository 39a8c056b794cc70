package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/internal/app"
	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/caa"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck"
	"github.com/nameplate-dev/nameplate/internal/connect/domainconnect"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/internal/connect/terminal"
	"github.com/nameplate-dev/nameplate/internal/kit/hostname"
	"github.com/nameplate-dev/nameplate/internal/kit/locale"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
)

// checking are the flags of check.
type checking struct {
	target, addresses, proof, colour, lang string
	json, trace, watch                     bool
	every                                  time.Duration
}

const checkUsage = `Look at a domain as the whole internet sees it: nameplate check shop.example.com [flags]

  --target name        the name that it should lead to: a CNAME, at a domain itself an ALIAS
  --address addresses  the addresses that it should have, separated by commas
  --proof value        the TXT record that should stand at _nameplate.<domain>
  --json               one JSON object a look, for scripts
  --trace              below each statement the answers that prove it
  --watch              look again until everything stands
  --every 5s           how often, at least 2s
  --color auto         auto, always or never; NO_COLOR counts too
  --lang de            the language: ar, de, en or fr; without it that of the environment (LC_ALL, LC_MESSAGES, LANG)

Nothing is needed but the internet: no database and no server. The settings dns.*, acme.cas, edge.zone and psl.extra count as
everywhere. What is asked about can be *.shop.example.com too.

Exit codes: 0 everything stands, 3 not there yet, 4 something is in the way, 5 it could not be found out, 2 called wrongly.
`

// outcome is an exit code that is not an error: what was found is written already.
type outcome int

func (o outcome) Error() string { return "ends with " + strconv.Itoa(int(o)) }

const (
	notYet   outcome = 3
	inTheWay outcome = 4
	notAsked outcome = 5
)

// check looks at one name, without a database or a server.
func check(ctx context.Context, args []string, out io.Writer) error {
	var c checking
	typed := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		typed, args = args[0], args[1:] // the name may stand before the flags and behind them
	}
	s, rest, err := parse("check", args, out, func(fs *flag.FlagSet) {
		fs.StringVar(&c.target, "target", "", "")
		fs.StringVar(&c.addresses, "address", "", "")
		fs.StringVar(&c.proof, "proof", "", "")
		fs.BoolVar(&c.json, "json", false, "")
		fs.BoolVar(&c.trace, "trace", false, "")
		fs.BoolVar(&c.watch, "watch", false, "")
		fs.DurationVar(&c.every, "every", 5*time.Second, "")
		fs.StringVar(&c.colour, "color", "auto", "")
		fs.StringVar(&c.lang, "lang", spoken(), "")
		fs.Usage = func() { fmt.Fprint(out, checkUsage) }
	})
	if err != nil {
		return err
	}
	if typed != "" {
		rest = append([]string{typed}, rest...)
	}
	switch {
	case len(rest) != 1:
		return &wrongCall{errors.New("say which domain to look at, and one only")}
	case c.every < 2*time.Second:
		return &wrongCall{errors.New("--every is 2s at least: other people's servers are asked")}
	case !locale.Speaks(c.lang):
		return &wrongCall{fmt.Errorf("--lang is one of %s; %q is none", strings.Join(locale.Languages(), ", "), c.lang)}
	case !slices.Contains([]string{"auto", "always", "never"}, c.colour):
		return &wrongCall{errors.New("--color is auto, always or never")}
	}
	name, q, err := c.question(s, rest[0])
	if err != nil {
		return err
	}
	e, err := checkEngine(s)
	if err != nil {
		return err
	}
	return c.look(ctx, e, name, q, out)
}

// spoken is the language of the environment (POSIX, section 8.2), as far as it is one of ours: "de_AT.UTF-8" is German.
func spoken() string {
	tag, _, _ := strings.Cut(cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_MESSAGES"), os.Getenv("LANG")), ".")
	return locale.Of(tag)
}

// question is what should stand, as the flags say it.
func (c *checking) question(s app.Settings, typed string) (hostname.Name, analysis.Question, error) {
	n, err := hostname.Parse(typed, hostname.Policy{Lab: s.Profile == "lab", Extra: s.PSLExtra})
	if err != nil {
		if bad, ok := errors.AsType[*hostname.Error](err); ok {
			err = errors.New(finding.Sentence(bad.Reason, c.lang, bad.Params))
		}
		return n, analysis.Question{}, &wrongCall{fmt.Errorf("%s: %w", typed, err)}
	}
	q := analysis.Question{
		Hostname: n.Base(), Wildcard: n.Wildcard, Apex: n.Apex, Registrable: n.Registrable, EdgeZone: s.Edge.Zone, Verification: c.proof,
		Depth: analysis.Full, Interactive: true, AskResolvers: true,
	}
	add := func(typ, fqdn, value, purpose string) {
		q.Expected = append(q.Expected, analysis.Expected{Key: strings.ToLower(typ), Type: typ, FQDN: fqdn, Value: value, Purpose: purpose, Requirement: "REQUIRED"})
	}
	var addrs []netip.Addr
	for part := range strings.SplitSeq(c.addresses, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		a, err := netip.ParseAddr(part)
		if err != nil {
			return n, q, &wrongCall{fmt.Errorf("--address holds IP addresses; %q is none", part)}
		}
		addrs = append(addrs, a.Unmap())
	}
	if c.target != "" {
		t, err := hostname.Parse(c.target, hostname.Policy{Lab: s.Profile == "lab", Extra: s.PSLExtra})
		if err != nil {
			return n, q, &wrongCall{fmt.Errorf("--target is a name, such as edge.example.net; %q is none", c.target)}
		}
		q.Target = t.ASCII
		add(map[bool]string{true: "ALIAS", false: "CNAME"}[n.Apex], n.ASCII, t.ASCII, "ROUTING")
	}
	for _, a := range addrs {
		add(map[bool]string{true: "A", false: "AAAA"}[a.Is4()], n.ASCII, a.String(), "ROUTING")
	}
	if n.Apex && c.target != "" && len(addrs) > 0 { // two ways to the same end
		for i := range q.Expected {
			q.Expected[i].Requirement, q.Expected[i].Group = "ONE_OF", "apex"
		}
	}
	if c.proof != "" {
		add("TXT", "_nameplate."+n.Base(), c.proof, "OWNERSHIP")
	}
	return n, q, nil
}

func checkEngine(s app.Settings) (*dnscheck.Engine, error) {
	var extra [][]byte
	if s.Profile == "lab" {
		extra = append(extra, provider.LabRows)
	}
	if s.ProviderFile != "" {
		raw, err := provider.ReadFile(s.ProviderFile)
		if err != nil {
			return nil, fmt.Errorf("read provider.catalogue: %w", err)
		}
		extra = append(extra, raw)
	}
	catalogue, err := provider.Load(extra...)
	if err != nil {
		return nil, err
	}
	settings, err := s.DNSCheck()
	if err != nil {
		return nil, err
	}
	offers := domainconnect.New(catalogue, safehttp.Options{AllowLoopbackHTTP: s.Profile == "lab"})
	e := &dnscheck.Engine{Catalogue: catalogue, Settings: settings, Offer: offers.Offer}
	e.CAs = func() (out []caa.CA) {
		for _, ca := range s.ACME.CAs {
			out = append(out, caa.CA{Name: ca.Name, Identities: []string{ca.Identity}})
		}
		return out
	}
	return e, nil
}

// look asks once, or with watch until everything stands.
func (c *checking) look(ctx context.Context, e *dnscheck.Engine, name hostname.Name, q analysis.Question, out io.Writer) error {
	screen := isTerminal(out)
	view := terminal.View{Colour: c.colour == "always" || c.colour == "auto" && screen && os.Getenv("NO_COLOR") == "", Trace: c.trace}
	view.Width, _ = strconv.Atoi(os.Getenv("COLUMNS"))
	if screen && !c.json {
		q.Progress = func(s analysis.Step) {
			if s.State == "RUNNING" || s.State == "DONE" {
				text := []rune(finding.Phrase(s.Text, c.lang, s.Params))
				fmt.Fprintf(out, "\r\x1b[K  %s", string(text[:min(len(text), cmp.Or(view.Width, 80)-4)])+" …")
			}
		}
	}
	clock := time.NewTicker(c.every)
	defer clock.Stop()
	for before := ""; ; {
		answer, err := e.Analyze(ctx, q)
		if screen && !c.json {
			fmt.Fprint(out, "\r\x1b[K")
		}
		if err != nil {
			return err
		}
		r := terminal.Report{Name: name.Unicode, Locale: c.lang, Question: q, Answer: answer}
		switch {
		case c.json:
			err = terminal.WriteJSON(out, r, c.trace)
		case c.watch && screen:
			fmt.Fprint(out, "\x1b[H\x1b[2J")
			err = terminal.Write(out, r, view)
		case c.watch && before == r.Headline(): // a log says only what is new
		default:
			before = r.Headline()
			err = terminal.Write(out, r, view)
		}
		end := ends(r)
		if err != nil || !c.watch || end == nil {
			return cmp.Or(err, end)
		}
		select {
		case <-ctx.Done():
			return end
		case <-clock.C:
		}
	}
}

// ends is how the program ends with a report.
func ends(r terminal.Report) error {
	blocked := slices.ContainsFunc(r.Answer.Findings, func(f finding.Finding) bool { return f.NeedsPerson() })
	switch {
	case r.Answer.Verdict == analysis.CouldNotAsk:
		return notAsked
	case blocked || r.Answer.Verdict == analysis.Conflicting:
		return inTheWay
	case len(r.Question.Expected) > 0 && r.Answer.Verdict != analysis.Correct:
		return notYet
	}
	return nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
