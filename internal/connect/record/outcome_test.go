package record

import (
	"testing"

	"github.com/nameplate-dev/nameplate/internal/connect/provider"
)

func TestOutcome(t *testing.T) {
	t.Parallel()
	cname := Record{Type: CNAME, Value: "k3v9.edge.lab", Requirement: Required, Status: Pending}
	flat := Record{Type: ALIAS, Value: "k3v9.edge.lab", Requirement: OneOf, Status: Flattened}
	address := Record{Type: A, Value: "192.0.2.1", Requirement: OneOf, Status: Partial}
	gone := Record{Type: AAAA, Requirement: Remove, Status: InConflict}
	old := Record{Type: AAAA, Value: "2001:db8::1", Requirement: Remove, Status: InConflict}
	answer := func(rcode string, values ...string) ObservedRRset {
		return ObservedRRset{Server: "ns1", Rcode: rcode, Authoritative: true, Values: values}
	}
	for _, tt := range []struct {
		name string
		r    Record
		o    ObservedRRset
		want AnswerOutcome
	}{
		{"it stands", cname, answer("NOERROR", "k3v9.edge.lab"), Found},
		{"no such name", cname, answer("NXDOMAIN"), Absent},
		{"no such type", cname, answer("NOERROR"), Absent},
		{"another value", cname, answer("NOERROR", "shops.example.com"), Wrong},
		{"two aliases at one name", cname, answer("NOERROR", "k3v9.edge.lab", "shops.example.com"), Wrong},
		{"no answer in time", cname, ObservedRRset{Rcode: "TIMEOUT"}, CouldNotAsk},
		{"server failure", cname, answer("SERVFAIL"), CouldNotAsk},
		{"refused", cname, answer("REFUSED"), CouldNotAsk},
		{"silent about this, though it serves the zone", cname, ObservedRRset{Rcode: "NOERROR"}, CouldNotAsk},
		{"a server without the zone that repeats our value", cname, ObservedRRset{Rcode: "NOERROR", Values: []string{"k3v9.edge.lab"}}, CouldNotAsk},
		{"flattened", flat, answer("NOERROR", "192.0.2.1"), Found},
		{"one address of several", address, answer("NOERROR", "192.0.2.1", "192.0.2.2"), Found},
		{"nothing where nothing may be", gone, answer("NOERROR"), Found},
		{"something where nothing may be", gone, answer("NOERROR", "2001:db8::7"), Wrong},
		{"the old one is gone, another stands", old, answer("NOERROR", "2001:db8::7"), Found},
		{"the old one stands", old, answer("NOERROR", "2001:db8::1"), Wrong},
	} {
		if got := tt.r.outcome(tt.o); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	r := cname
	r.Observed = []ObservedRRset{answer("NXDOMAIN"), {Rcode: "TIMEOUT"}}
	Present([]*Record{&r}, View{Zone: "acme.lab"})
	if r.Observed[0].Outcome != Absent || r.Observed[1].Outcome != CouldNotAsk {
		t.Errorf("presented as %s and %s", r.Observed[0].Outcome, r.Observed[1].Outcome)
	}
}

func TestFields(t *testing.T) {
	t.Parallel()
	mx := Record{Type: MX, FQDN: "acme.lab", Value: "mail.acme.lab", TTL: 300, Priority: new(int32(10)), Requirement: Required}
	d := provider.Dialect{ApexName: "@", TrailingDot: provider.Needed, Fields: provider.FieldNames{Name: new("Host"), Value: new("Target")}}
	Present([]*Record{&mx}, View{Zone: "acme.lab", Dialect: &d})
	got := ""
	for _, f := range mx.Display().Fields {
		label := "-"
		if f.Label != nil {
			label = *f.Label
		}
		got += string(f.Part) + " " + label + "=" + f.Value + "; "
	}
	if want := "TYPE -=MX; NAME Host=@; VALUE -=mail.acme.lab.; PRIORITY -=10; TTL -=300; "; got != want {
		t.Errorf("the form is %s\nwant %s", got, want)
	}
	cname := Record{Type: CNAME, FQDN: "shop.acme.lab", Value: "k3v9.edge.lab", TTL: 300}
	Present([]*Record{&cname}, View{Zone: "acme.lab", Dialect: &d})
	if f := cname.Display().Fields[2]; f.Label == nil || *f.Label != "Target" || f.Value != "k3v9.edge.lab." {
		t.Errorf("the value of a CNAME is typed as %+v", f)
	}
	txt := Record{Type: TXT, FQDN: "_nameplate.acme.lab", Value: "np-verify=1", TTL: 300}
	Present([]*Record{&txt}, View{Zone: "acme.lab"})
	if n := len(txt.Display().Fields); n != 4 || txt.Display().Fields[1].Label != nil {
		t.Errorf("a TXT at an unknown provider has %d fields: %+v", n, txt.Display().Fields)
	}
}
