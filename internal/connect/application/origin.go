package application

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
)

// checkOrigins holds allowed origins to what a browser sends: scheme, host and port, no path. One label may be a star (https://*.acme.com). http is for
// localhost in a TEST application, and for loopback in the lab.
func (s *Service) checkOrigins(origins []string, env Environment) error {
	if len(origins) > maxOrigins {
		return fault.Invalid("allowedOrigins", "origins_many", "At most %d origins.", maxOrigins)
	}
	var faults []error
	for n, o := range origins {
		if reason := s.originFault(o, env); reason != "" {
			faults = append(faults, fault.Invalid(fmt.Sprintf("allowedOrigins.%d", n), "origin", "%s", reason))
		}
	}
	return errors.Join(faults...)
}

func (s *Service) originFault(o string, env Environment) string {
	u, err := url.Parse(strings.Replace(o, "://*.", "://star.", 1))
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || strings.ContainsAny(o, " \t\n,") || len(o) > 300:
		return "Write an origin, such as https://app.example.com."
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || o != strings.ToLower(o) || strings.HasSuffix(o, "?") || strings.HasSuffix(o, "#"):
		return "An origin is a scheme, a host in lower case and perhaps a port, without a path: https://app.example.com."
	case strings.Count(o, "*") > 1 || strings.Contains(o, "*") && !strings.Contains(o, "://*."):
		return "A star stands for the first label alone: https://*.example.com."
	case strings.Contains(o, "*") && strings.Count(u.Hostname(), ".") < 2:
		return "A star needs a domain of its own behind it: https://*.example.com."
	case u.Scheme == "https":
		return ""
	case u.Scheme == "http" && (s.Lab && loopback(u.Hostname()) || env == Test && u.Hostname() == "localhost"):
		return ""
	}
	return "Use https. http is for localhost in a TEST application alone."
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// Allows says whether a page of this origin may embed the application's widget.
func (a *Application) Allows(origin string) bool {
	if origin == "" || origin == "null" {
		return false
	}
	for _, o := range a.AllowedOrigins {
		if o == origin {
			return true
		}
		if before, after, star := strings.Cut(o, "*"); star {
			label, ok := strings.CutPrefix(origin, before)
			if label, found := strings.CutSuffix(label, after); ok && found && label != "" && !strings.ContainsAny(label, "./:@") {
				return true
			}
		}
	}
	return false
}

// ours says that a name leads back to our edges.
func (s *Service) ours(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return slices.ContainsFunc(s.OwnZones, func(zone string) bool { return host == zone || strings.HasSuffix(host, "."+zone) })
}

// UpstreamInput says where requests go; what is left out has the values of the schema's defaults.
type UpstreamInput struct {
	OriginURL         string
	HostHeader        *HostHeader
	CustomHost        *string
	ConnectTimeoutMs  *int32
	ResponseTimeoutMs *int32
	TLSVerify         *bool
}

// CheckUpstream holds an upstream to ED-15: http or https, a public address, no credentials. The faults name fields below upstream.
func (s *Service) CheckUpstream(ctx context.Context, in UpstreamInput) (*Upstream, error) {
	up := &Upstream{OriginURL: strings.TrimSpace(in.OriginURL), HostHeader: HostCustomer, ConnectTimeoutMs: 5000, ResponseTimeoutMs: 30_000, TLSVerify: true}
	if in.HostHeader != nil {
		up.HostHeader = *in.HostHeader
	}
	if in.ConnectTimeoutMs != nil {
		up.ConnectTimeoutMs = *in.ConnectTimeoutMs
	}
	if in.ResponseTimeoutMs != nil {
		up.ResponseTimeoutMs = *in.ResponseTimeoutMs
	}
	if in.TLSVerify != nil {
		up.TLSVerify = *in.TLSVerify
	}
	var faults []error
	u, err := url.Parse(up.OriginURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		faults = append(faults, fault.Invalid("upstream.originUrl", "url_invalid", "Write a URL such as https://app.example.com."))
	} else {
		checked := *u
		if !(s.Lab && loopback(u.Hostname())) {
			checked.Scheme = "https" // the address is what matters here; an origin may speak http
		}
		if err := safehttp.Check(ctx, checked.String(), s.Outside); err != nil {
			reason := "url_invalid"
			if e, ok := errors.AsType[*safehttp.Error](err); ok {
				reason = string(e.Reason)
			}
			faults = append(faults, fault.Invalid("upstream.originUrl", reason, "This address cannot be used: %s.", err))
		}
		if s.ours(u.Hostname()) {
			faults = append(faults, fault.Invalid("upstream.originUrl", "url_own_edge", "This name leads to the edge, which would ask itself. Write the address of your own servers."))
		}
		if u.RawQuery != "" || u.Fragment != "" {
			faults = append(faults, fault.Invalid("upstream.originUrl", "url_invalid", "An origin has no query and no fragment."))
		}
	}
	if up.HostHeader == HostCustom {
		if in.CustomHost == nil || *in.CustomHost == "" || len(*in.CustomHost) > 253 || strings.ContainsAny(*in.CustomHost, " /@\r\n\t") {
			faults = append(faults, fault.Invalid("upstream.customHost", "host_invalid", "Write the host name that your origin expects."))
		}
		up.CustomHost = in.CustomHost
	}
	if up.ConnectTimeoutMs < 100 || up.ConnectTimeoutMs > 30_000 {
		faults = append(faults, fault.Invalid("upstream.connectTimeoutMs", "range", "100 to 30000 milliseconds."))
	}
	if up.ResponseTimeoutMs < 100 || up.ResponseTimeoutMs > 300_000 {
		faults = append(faults, fault.Invalid("upstream.responseTimeoutMs", "range", "100 to 300000 milliseconds."))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return up, nil
}
