package edgedns

import (
	"cmp"
	"sync/atomic"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
)

// counted are the types with a label of their own; the metric's labels have few values, and names are none of them (EZ-7).
var counted = [...]uint16{dns.TypeA, dns.TypeAAAA, dns.TypeCAA, dns.TypeNS, dns.TypeSOA, dns.TypeTXT, dns.TypeCNAME, dns.TypeHTTPS, dns.TypeANY, dns.TypeDS, dns.TypeDNSKEY}

// counters are found without looking up their labels, once they have counted.
type counters [len(counted) + 1][dns.RcodeBadVers + 1]atomic.Pointer[prometheus.Counter]

// count notes an answer.
func (s *Server) count(qtype uint16, rcode int) {
	n, label := len(counted), "other"
	for i, t := range counted {
		if t == qtype {
			n, label = i, dns.TypeToString[t]
		}
	}
	cell := &s.counters[n][min(max(rcode, 0), dns.RcodeBadVers)]
	c := cell.Load()
	if c == nil {
		made := s.questions.WithLabelValues(label, cmp.Or(dns.RcodeToString[rcode], "other"))
		c = &made
		cell.Store(c)
	}
	(*c).Inc()
}
