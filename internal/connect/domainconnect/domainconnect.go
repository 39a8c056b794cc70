// Package domainconnect asks a provider of DNS whether it would set records of a zone with the person's consent
// (draft-ietf-dconn-domainconnect-01, section 5: discovery).
//
// What a zone names as its service is a stranger's word. Only hosts that the catalogue lists are ever contacted: over https, at public addresses, without following
// redirects, for three seconds and 64 kB. Everything else, and every answer that is not such a document, means that nothing is offered.
package domainconnect

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
)

const (
	patience   = 3 * time.Second
	maxAnswer  = 64 << 10
	maxService = 255
)

// Client asks the services of the catalogue's providers.
type Client struct {
	Catalogue *provider.Catalogue
	HTTP      *http.Client
	Lab       bool // services at loopback addresses are asked over plain http, and may have a port
}

// New is a client with the bounds above. The lab's options let it reach services of this machine.
func New(c *provider.Catalogue, o safehttp.Options) *Client {
	o.Timeout, o.MaxResponse = patience, maxAnswer
	return &Client{Catalogue: c, HTTP: safehttp.NewClient(o), Lab: o.AllowLoopbackHTTP}
}

// settings are the members of the document that decide (draft, section 5.2).
type settings struct {
	ProviderID string `json:"providerId"`
	SyncUX     string `json:"urlSyncUX"`
	AsyncUX    string `json:"urlAsyncUX"`
	API        string `json:"urlAPI"`
}

// Offer is what the service that a zone names says of the zone; nil when the service is not a listed one, does not know the zone (the record outlives a move to
// other servers), or does not answer as one. domain is the zone's apex and service the text of its TXT at _domainconnect.
func (c *Client) Offer(ctx context.Context, domain, service string) *provider.Offer {
	at, host := c.address(service)
	if at == nil {
		return nil
	}
	p := c.Catalogue.ByDomainConnect(host)
	if p == nil {
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.JoinPath("v2", domain, "settings").String(), http.NoBody)
	if err != nil {
		return nil
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "Nameplate")
	res, err := c.HTTP.Do(req)
	if err != nil {
		return nil
	}
	defer res.Body.Close()
	var s settings
	if res.StatusCode != http.StatusOK || json.NewDecoder(res.Body).Decode(&s) != nil || s.ProviderID == "" || !c.secure(s.API) {
		return nil
	}
	return &provider.Offer{Provider: p, Service: service, Support: provider.DomainConnectSupport{
		Sync: c.secure(s.SyncUX), Async: c.secure(s.AsyncUX), SignatureRequired: p.DomainConnect.SignatureRequired,
	}}
}

var serviceForm = regexp.MustCompile(`^([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(:[0-9]{1,5})?((?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)/?$`)

// address reads host/path. A host that the catalogue does not list is refused where it is looked up, and never resolved.
func (c *Client) address(service string) (*url.URL, string) {
	m := serviceForm.FindStringSubmatch(strings.TrimSpace(service))
	if m == nil || len(service) > maxService || m[2] != "" && !c.Lab {
		return nil, ""
	}
	scheme := "https"
	if c.Lab && loopback(m[1]) {
		scheme = "http"
	}
	return &url.URL{Scheme: scheme, Host: m[1] + m[2], Path: m[3]}, m[1]
}

// secure says whether an address of the document may be opened at all.
func (c *Client) secure(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && u.User == nil && (u.Scheme == "https" || c.Lab && u.Scheme == "http" && loopback(u.Hostname()))
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}
