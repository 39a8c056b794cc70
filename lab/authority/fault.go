package authority

import (
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Kind is one way in which a name server or its provider misbehaves.
type Kind string

const (
	Timeout     Kind = "timeout"      // no answer at all
	Refused     Kind = "refused"      // REFUSED to everything
	Servfail    Kind = "servfail"     // SERVFAIL to everything
	Lame        Kind = "lame"         // answers without authority (aa=0)
	Truncate    Kind = "truncate"     // every answer over UDP is cut short, TCP works
	ServfailCAA Kind = "servfail-caa" // SERVFAIL to questions for CAA
	Slow        Kind = "slow"         // answers after Delay
	APIStatus   Kind = "api-status"   // the provider's API answers Status
	RejectN     Kind = "api-reject"   // the provider's API refuses the N-th change from now
)

// Fault is a misbehaviour, of every server or of those named.
type Fault struct {
	Kind    Kind
	Servers []string // full names or first labels; none means all
	Delay   time.Duration
	Status  int
	N       int
}

// On limits the fault to some servers.
func (f Fault) On(servers ...string) Fault {
	f.Servers = append(slices.Clone(f.Servers), servers...)
	return f
}

func (f Fault) at(server string) bool {
	return len(f.Servers) == 0 || slices.ContainsFunc(f.Servers, func(s string) bool { return Names(server, s) })
}

// Names says whether what a person wrote ("ns1", "ns1.plain-dns.lab") names the server.
func Names(server, written string) bool {
	written = dns.CanonicalName(written)
	return written == server || strings.HasPrefix(server, written) && dns.CountLabel(written) == 1
}
