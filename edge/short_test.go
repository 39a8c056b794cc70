package edge_test

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/certificate"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/metric"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// visitors go to every host again and again, until stop.
type visitors struct {
	stop  func()
	mu    sync.Mutex
	met   map[string]map[string]bool // the serials of the certificates that were met at each host
	wrong []error
}

func (i *installation) visits(hosts []string) *visitors {
	ctx, cancel := context.WithCancel(i.t.Context())
	var wg sync.WaitGroup
	v := &visitors{stop: func() { cancel(); wg.Wait() }, met: map[string]map[string]bool{}}
	for _, host := range hosts {
		v.met[host] = map[string]bool{}
		wg.Go(func() {
			tick := time.NewTicker(250 * time.Millisecond)
			defer tick.Stop()
			for ctx.Err() == nil {
				leaf, _, err := i.visit(host)
				v.mu.Lock()
				if err != nil {
					v.wrong = append(v.wrong, fmt.Errorf("%s: %w", host, err))
				} else {
					v.met[host][leaf.SerialNumber.Text(16)] = true
				}
				v.mu.Unlock()
				select {
				case <-ctx.Done():
				case <-tick.C:
				}
			}
		})
	}
	return v
}

// fewest is how many certificates were met at the host that changed them least.
func (v *visitors) fewest() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	least := math.MaxInt
	for _, serials := range v.met {
		least = min(least, len(serials))
	}
	return least
}

func scraped(set *metric.Set) string {
	w := httptest.NewRecorder()
	set.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

// CN-23: twenty names whose certificates live for half a minute are each renewed three times, and none of their visitors, four a second at each, meets one that has
// ended. Then renewals cannot succeed any more: everybody hears of it once, with the reason and the time.
func TestCN23_ShortCertificates(t *testing.T) {
	t.Parallel()
	const names, renewals, life = 20, 3, 30 * time.Second
	set := metric.New()
	i := installFor(t, life, func(s *certificate.Service) { s.Metrics = set })
	var hosts []string
	var ids []ident.ConnectionID
	for n := range names {
		hosts = append(hosts, fmt.Sprintf("short%d.acme.lab", n))
		ids = append(ids, i.connect(hosts[n], certificate.HTTP01, true))
	}
	i.run(i.Work.Run)
	for _, host := range hosts {
		i.until("presented "+host, func() bool { _, _, err := i.visit(host); return err == nil })
	}
	v := i.visits(hosts)
	i.within(2*renewals*life, "all were renewed, and seen", func() bool { return v.fewest() > renewals })
	v.stop()
	if len(v.wrong) != 0 {
		t.Errorf("%d visitors met no valid certificate, such as %v", len(v.wrong), v.wrong[0])
	}
	for _, o := range i.main.Orders() {
		if o.Status != "valid" {
			t.Errorf("an order came to nothing: %+v", o)
		}
	}

	i.cons.refuse(finding.HTTPUnreachable)
	page := func(risk bool) *certificate.CertificatePage {
		t.Helper()
		p, err := i.certs.InForce(i.As(t.Context()), i.Org, risk, new(int32(50)), nil)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	i.within(2*life, "all are at risk", func() bool { return *page(true).TotalCount == names })
	at := page(true)
	for k, c := range at.Nodes {
		if c.LastError == nil || c.LastError.Code != finding.HTTPUnreachable || c.AtRiskSince == nil || !c.BreaksAt.Equal(*c.NotAfter) {
			t.Errorf("%+v", c)
		}
		if k > 0 && c.NotAfter.Before(*at.Nodes[k-1].NotAfter) {
			t.Errorf("%s comes after %s", c.NotAfter, at.Nodes[k-1].NotAfter)
		}
	}
	if want := fmt.Sprintf("nameplate_certificate_renewal_at_risk{reason=%q} %d\n", finding.HTTPUnreachable, names); !strings.Contains(scraped(set), want) {
		t.Errorf("/metrics lacks %s", want)
	}
	if n := i.counted("certificate.renewal_at_risk"); n != names {
		t.Errorf("it is told %d times for %d names", n, names)
	}
	i.cons.refuse("")
	i.within(2*life, "all is well again", func() bool { return *page(true).TotalCount == 0 && *page(false).TotalCount == names })
}

// The soonest end comes first, and a page begins where the one before it ended.
func TestInForce_Pages(t *testing.T) {
	t.Parallel()
	i := install(t)
	for n := range 5 {
		id := i.connect(fmt.Sprintf("n%d.acme.lab", n), certificate.HTTP01, true)
		i.drain()
		i.exec("update certificate set not_after = $2 where connection_id = $1", id.UUID(), i.DB.Now().Add(time.Duration(80-n/2)*24*time.Hour).Truncate(time.Hour))
	}
	var seen []string
	after := (*string)(nil)
	for range 5 {
		p, err := i.certs.InForce(i.As(t.Context()), i.Org, false, new(int32(2)), after)
		if err != nil || *p.TotalCount != 5 {
			t.Fatal(p, err)
		}
		for _, c := range p.Nodes {
			seen = append(seen, c.Names[0])
		}
		if after = p.PageInfo.EndCursor; !p.PageInfo.HasNextPage {
			break
		}
	}
	if got := strings.Join(seen, " "); got != "n4.acme.lab n2.acme.lab n3.acme.lab n0.acme.lab n1.acme.lab" {
		t.Error(got)
	}
	for _, cursor := range []string{"nonsense", "eyJzIjoibm8gdGltZSIsImkiOiIwMTkzMDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEifQ"} {
		if _, err := i.certs.InForce(i.As(t.Context()), i.Org, false, nil, &cursor); err == nil {
			t.Errorf("the cursor %s is taken", cursor)
		}
	}
	_, stranger := i.Organization(t, "other")
	if _, err := i.certs.InForce(spinetest.As(t.Context(), stranger), i.Org, false, nil, nil); err == nil {
		t.Error("a stranger reads the list")
	}
}
