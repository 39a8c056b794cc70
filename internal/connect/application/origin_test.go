package application

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
)

type publicNames struct{}

func (publicNames) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("93.184.216.34")}, nil
}

// ED-15: the edge never asks itself, however its name is written.
func TestUpstream_NeverOurOwnEdge(t *testing.T) {
	t.Parallel()
	s := &Service{OwnZones: []string{"edge.example.net"}, Outside: safehttp.Options{Resolver: publicNames{}}}
	for url, refused := range map[string]bool{
		"https://abc.edge.example.net": true, "https://edge.example.net/": true, "https://ABC.Edge.Example.Net.": true, "https://a.b.edge.example.net:8443/x": true, "http://abc.edge.example.net": true,
		"https://notedge.example.net": false, "https://app.example.net": false, "https://edge.example.net.evil.com": false,
	} {
		_, err := s.CheckUpstream(t.Context(), UpstreamInput{OriginURL: url})
		if (err != nil) != refused || refused && !strings.Contains(err.Error(), "url_own_edge") && !strings.Contains(err.Error(), "leads to the edge") {
			t.Errorf("%s: %v", url, err)
		}
	}
}
