package edgedns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"
)

const askTime = time.Second // one question to one server

// AskAll asks name servers of the zone for texts at a name, each by itself, as a CA's resolver may, and answers nil when every server that answers has all of
// them. Who does not answer is passed over, as resolvers do, but somebody must. Without servers nobody is asked.
func AskAll(ctx context.Context, servers []netip.AddrPort, name string, texts []string) error {
	if len(servers) == 0 {
		return nil
	}
	answers := make(chan error, len(servers))
	for _, server := range servers {
		go func() { answers <- askOne(ctx, server, name, texts) }() // ends within askTime
	}
	var lacking, silent []error
	for range servers {
		err := <-answers
		if errors.Is(err, errSilent) {
			silent = append(silent, err)
		} else if err != nil {
			lacking = append(lacking, err)
		}
	}
	if len(silent) == len(servers) {
		return errors.Join(silent...)
	}
	return errors.Join(lacking...)
}

var errSilent = errors.New("no answer")

func askOne(ctx context.Context, server netip.AddrPort, name string, texts []string) error {
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeTXT)
	q.RecursionDesired = false
	m, _, err := (&dns.Client{Timeout: askTime}).ExchangeContext(ctx, q, server.String())
	if err == nil && m.Truncated {
		m, _, err = (&dns.Client{Net: "tcp", Timeout: askTime}).ExchangeContext(ctx, q, server.String())
	}
	if err != nil {
		return fmt.Errorf("ask %s for %s: %w: %w", server, name, errSilent, err)
	}
	for _, text := range texts {
		if !slices.ContainsFunc(m.Answer, func(rr dns.RR) bool { t, is := rr.(*dns.TXT); return is && slices.Equal(t.Txt, []string{text}) }) {
			return fmt.Errorf("%s has no such text at %s yet (%s)", server, name, dns.RcodeToString[m.Rcode])
		}
	}
	return nil
}
