package dnscheck

import (
	"testing"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
)

func TestTheRecordStands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.zone("acme.lab", "shop 300 CNAME token.edge.lab.", "ns1.plain.lab", "ns2.plain.lab")
	a := w.analyze(sub("shop.acme.lab"))
	if a.Verdict != analysis.Correct || a.Records[0].Status != statusOK || !a.Ownership.Target || a.Questions > 40 {
		t.Fatalf("%s %+v %v questions %d", a.Verdict, a.Records, codes(a), a.Questions)
	}
	t.Log(a.Questions, codes(a), a.Zone)
}
