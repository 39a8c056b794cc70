package e2e_test

import (
	"encoding/json"
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/e2e/harness"
)

// browse runs a journey of e2e/browser in a house of its own.
func browse(t *testing.T, journey string) {
	t.Helper()
	t.Parallel()
	harness.Start(t).Browser(t, journey, nil)
}

func decode(raw json.RawMessage, into any) {
	if err := json.Unmarshal(raw, into); err != nil {
		panic(err)
	}
}

// prime asks a recursor for a name that is not there yet, so that it remembers the absence.
func prime(t *testing.T, at netip.AddrPort, name string) {
	t.Helper()
	m := new(dns.Msg).SetQuestion(name, dns.TypeCNAME)
	if _, _, err := new(dns.Client).ExchangeContext(t.Context(), m, at.String()); err != nil {
		t.Fatalf("prime the recursor: %v", err)
	}
}
