package app

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/peterbourgon/ff/v3"
)

// Settings are what an operator can set: each is a flag, and an environment variable with the prefix NAMEPLATE_ (edge.zone is NAMEPLATE_EDGE_ZONE).
// The zero values are good for one machine; what has none is asked for by name.
type Settings struct {
	Profile       string // production | lab
	DatabaseURL   secret.String
	RedisURL      secret.String
	RowSecurity   string // on: PostgreSQL itself shows each statement the rows of its caller's organizations alone | off | down
	AppRole       string // migrate lets it work with the tables
	KEK           string // file:<path> | env:<name>
	FormerKEKs    []string
	LogFormat     string
	LogLevel      string
	Listen        string
	MetricsListen string // where a process answers /metrics; "" is nowhere
	ConsoleOrigin string
	Proxies       []netip.Prefix
	// MachinesClosed refuses to register machines for callers who are not signed in.
	MachinesClosed bool
	OobFactors     bool // codes by mail and SMS may be second factors

	Edge  EdgeSettings
	DNS   DNSSettings
	ACME  ACMESettings
	Probe ProbeSettings
	Mail  MailSettings
	SMS   SMSSettings
	Terms string // the version that people accept; "": there are none

	Checkpoints string // file that signed heads of the audit log are added to; "": they stay in the database

	PSLExtra      []string
	ProviderFile  string
	SSOProviders  string // JSON file of the installation's own OpenID providers
	WebhookAllow  bool   // lab: webhooks and upstreams may be loopback http
	BuildVersion  string
	CatalogueRows [][]byte
}

// EdgeSettings are those of the edge and its zone.
type EdgeSettings struct {
	Zone         string
	V4, V6       []netip.Addr
	HTTP, HTTPS  []string
	PublicHTTPS  int
	DNS          []string // listeners of the edge zone; none: this node does not answer for it
	NameServers  []NameServer
	DNSSEC       bool           // the edge zone is signed
	HTTP3        bool           // https is answered over QUIC too
	HTTPSRecords bool           // targets have HTTPS records
	Transfers    []netip.Prefix // who may copy the edge zone
	Publish      string         // host:port of a primary that gets the zone by dynamic update; "": we answer ourselves
	PublishKey   secret.String  // name:algorithm:secret of the key that signs the updates
	Ask          string
	AskToken     secret.String
	Proxies      []netip.Prefix
	StateDir     string // what an edge remembers over its own restart; "": nothing
}

// NameServer is one of the edge zone's, as its parent delegates to it.
type NameServer struct {
	Label     string
	Addresses []netip.Addr
}

// DNSSettings are those of the engine.
type DNSSettings struct {
	RootHints    []Root
	TrustAnchors []string // of the root, each checked: key tag, algorithm, digest type, digest
	Port         int
	PerServerQPS int // questions a second to one server
	Resolvers    []Resolver
	AllowPrivate bool
}

// Root is a server of the root zone.
type Root struct {
	Name    string
	Address netip.Addr
}

// Resolver is a recursive resolver whose view is shown and from which the ETA is taken.
type Resolver struct {
	Name, Region string
	Address      netip.AddrPort
}

// ACMESettings are the certification authorities, in order of preference.
type ACMESettings struct {
	CAs     []CA
	Contact []string
}

// CA is one certification authority.
type CA struct {
	Name      string
	Directory string
	Identity  string // as CAA records name it
	Roots     string // PEM file that its directory's certificate is verified with; "" is the system's
	Persist   bool   // it offers dns-persist-01
}

// ProbeSettings say how our own probes reach a name.
type ProbeSettings struct {
	Roots       string // PEM file; "" is the system's
	HTTP, HTTPS int
}

// Flags registers every setting; call Parse afterwards.
func Flags(fs *flag.FlagSet) *Raw {
	r := &Raw{}
	str := func(p *string, name, value, usage string) { fs.StringVar(p, name, value, usage) }
	str(&r.profile, "profile", "production", "production, or lab: loopback only, reserved names allowed")
	str(&r.database, "database.url", "", "PostgreSQL 15 or newer: postgres://user:password@host/database")
	str(&r.rowSecurity, "db.row_level_security", "off", "on: PostgreSQL itself keeps organizations apart, a second wall that nameplate migrate raises; off, or down to take it down (docs/row-level-security.md)")
	str(&r.appRole, "db.app_role", "", "the role that serve, work and edge sign in as, when it is not the one that migrates: nameplate migrate lets it work with the tables")
	str(&r.redis, "redis.url", "", "Redis 7 or Valkey: redis://host:6379; without it one process serves alone")
	str(&r.kek, "vault.kek", "", "key-encryption key: file:<path> or env:<name>, reading <id>:<base64 of 32 bytes>")
	str(&r.former, "vault.former_keks", "", "former keys, separated by commas, while `nameplate admin rewrap` has not run")
	str(&r.format, "log.format", "json", "json or text")
	str(&r.level, "log.level", "info", "debug, info, warn or error")
	str(&r.listen, "http.listen", ":8080", "host:port of the console and the API")
	str(&r.metrics, "metrics.listen", "", "host:port where a process answers /metrics, and nothing else, to whoever reaches it: keep it to your own network")
	str(&r.origin, "console.origin", "http://localhost:8080", "where people reach the console; https in production")
	fs.BoolVar(&r.oob, "auth.oob_factors", true, "let codes by mail and SMS be second factors; OWASP ASVS level 3 wants false")
	str(&r.proxies, "http.trusted_proxies", "", "networks of proxies in front of the console, separated by commas")
	str(&r.zone, "edge.zone", "", "the zone delegated to us, for example edge.example.net")
	str(&r.v4, "edge.addresses_v4", "", "public IPv4 addresses of the edges, separated by commas")
	str(&r.v6, "edge.addresses_v6", "", "public IPv6 addresses of the edges")
	str(&r.machines, "machine.anonymous", "on", "on, or off: nobody registers a machine without signing in")
	str(&r.edgeHTTP, "edge.http", ":80", "listeners for http, separated by commas")
	str(&r.edgeHTTPS, "edge.https", ":443", "listeners for https")
	fs.IntVar(&r.publicHTTPS, "edge.public_https", 443, "the port that redirects to https name")
	str(&r.edgeDNS, "edge.dns", ":53", "listeners for the edge zone; empty: this node does not answer for it")
	str(&r.nameServers, "edge.name_servers", "", "ns1=192.0.2.1,ns2=192.0.2.2: as the parent zone delegates; without it ns1 and ns2 at the edges' addresses")
	fs.BoolVar(&r.dnssec, "edge.dnssec", false, "sign the edge zone; `nameplate config` prints the DS record for the parent zone, which is set afterwards")
	fs.BoolVar(&r.http3, "edge.http3", false, "answer https over HTTP/3 too, at the same ports of UDP")
	fs.BoolVar(&r.httpsRecords, "edge.https_records", false, "give targets an HTTPS record, by which browsers go to https at once")
	str(&r.transfers, "edge.dns_transfer", "", "networks that may copy the edge zone by AXFR: a secondary of your own")
	str(&r.publish, "edge.dns_publish", "", "host:port of a name server of your own that answers for the edge zone instead of us, and takes it by dynamic update (RFC 2136); wants an empty edge.dns")
	str(&r.publishKey, "edge.dns_publish_key", "", "the TSIG key that signs the updates: name:hmac-sha256:base64")
	str(&r.ask, "edge.ask", "", "loopback host:port of GET /internal/ask for a Caddy of your own")
	str(&r.askToken, "edge.ask_token", "", "the token that it must show")
	str(&r.stateDir, "edge.state_dir", "", "directory in which an edge remembers names and certificates, sealed under vault.kek: it starts with them while the database is away; each edge has its own")
	str(&r.edgeProxies, "edge.trusted_proxies", "", "networks of proxies in front of the edge")
	str(&r.roots, "dns.root_hints", "", "name=address, separated by commas; without it the root servers of IANA")
	str(&r.anchors, "dns.trust_anchors", "", "DS records of the root's keys, separated by commas, such as 20326 8 2 E06D…; without it IANA's, and none for dns.root_hints of your own")
	fs.IntVar(&r.dnsPort, "dns.port", 53, "port of every authoritative server")
	fs.IntVar(&r.dnsQPS, "dns.per_server_qps", 20, "questions a second to one authoritative server, for all customers together: two and a half times as many at once; all servers of a zone together take five times as many")
	str(&r.resolvers, "dns.resolvers", "cloudflare=1.1.1.1:53,google=8.8.8.8:53,quad9=9.9.9.9:53", "name=address:port[;region]")
	str(&r.cas, "acme.cas", "letsencrypt|https://acme-v02.api.letsencrypt.org/directory|letsencrypt.org", "name|directory|CAA identity[|file of roots[|dns-persist-01]], separated by commas, in order of preference; the last where it reads a record that stays")
	str(&r.contact, "acme.contact", "", "mail addresses for the CA, separated by commas")
	str(&r.probeRoots, "probe.roots", "", "PEM file that our HTTPS probe trusts; without it the system's roots")
	fs.IntVar(&r.probeHTTP, "probe.http_port", 80, "port of the http probe")
	fs.IntVar(&r.probeHTTPS, "probe.https_port", 443, "port of the https probe")
	str(&r.smtp, "mail.smtp", "", "host:port of the mail server, such as smtp.example.net:587; without it no mail leaves")
	str(&r.mailTLS, "mail.tls", "starttls", "starttls, implicit (port 465), or off for a relay on the same machine or network")
	str(&r.mailUser, "mail.user", "", "user name for the mail server; without it there is no AUTH")
	str(&r.mailPassword, "mail.password", "", "password for the mail server")
	str(&r.mailRoots, "mail.roots", "", "PEM file that the mail server's certificate is verified with; without it the system's roots")
	str(&r.mailFrom, "mail.from", "", "whose mails they are: Example Domains <no-reply@example.com>; the name stands over every mail")
	str(&r.mailEnvelope, "mail.envelope_from", "", "where mail servers send bounces; without it the address of mail.from")
	str(&r.mailHook, "mail.hook_secret", "", "signs reports to /hooks/mail, at least 16 characters; without it none are taken")
	str(&r.sms, "sms.gateway", "", "log: text messages are written into the log, for development; without it none is sent")
	str(&r.smsCountries, "sms.countries", "", "ISO codes of the countries that get text messages, such as DE,FR, separated by commas; without it all")
	str(&r.terms, "terms.version", "1", "of the terms that people accept; with another one everybody is asked again")
	str(&r.checkpoints, "audit.checkpoints", "", "file on another machine's disk that signed heads of the audit log are added to, every five minutes; `nameplate verify` reads it")
	str(&r.psl, "psl.extra", "", "further public suffixes, separated by commas; private:<suffix> for the private section")
	str(&r.sso, "sso.providers", "", "JSON file of OpenID providers through which everybody may sign in (docs/sso.md)")
	str(&r.catalogue, "provider.catalogue", "", "JSON file of providers, added to ours or replacing them by slug (docs/providers.md)")
	return r
}

// Raw is Settings as text, before Parse.
type Raw struct {
	profile, database, redis, kek, former, format, level, listen, metrics, origin, proxies string
	zone, v4, v6, edgeHTTP, edgeHTTPS, edgeDNS, nameServers, ask, askToken, edgeProxies    string
	roots, anchors, resolvers, cas, contact, probeRoots, psl, catalogue, checkpoints, sso  string
	smtp, mailTLS, mailUser, mailPassword, mailRoots, mailFrom, mailEnvelope, mailHook     string
	sms, smsCountries, terms, rowSecurity, appRole                                         string
	publicHTTPS, dnsPort, dnsQPS, probeHTTP, probeHTTPS                                    int
	machines                                                                               string
	transfers, publish, publishKey, stateDir                                               string
	oob, dnssec, http3, httpsRecords                                                       bool
}

// Parse reads arguments and environment; the error names every setting that is wrong, and what would be right.
func Parse(fs *flag.FlagSet, r *Raw, args []string) (Settings, error) {
	if err := ff.Parse(fs, args, ff.WithEnvVarPrefix("NAMEPLATE")); err != nil {
		return Settings{}, err
	}
	return r.settings()
}

func (r *Raw) settings() (Settings, error) {
	p := &parser{}
	lab := r.profile == "lab"
	s := Settings{
		Profile: r.profile, DatabaseURL: secret.New(r.database), RowSecurity: r.rowSecurity, AppRole: r.appRole, RedisURL: secret.New(r.redis), KEK: r.kek, FormerKEKs: list(r.former), LogFormat: r.format, LogLevel: r.level,
		Listen: r.listen, MetricsListen: r.metrics, ConsoleOrigin: strings.TrimSuffix(r.origin, "/"), Proxies: p.prefixes("http.trusted_proxies", r.proxies), OobFactors: r.oob, PSLExtra: list(r.psl), ProviderFile: r.catalogue, SSOProviders: r.sso, WebhookAllow: lab,
		Edge: EdgeSettings{
			Zone: strings.ToLower(strings.Trim(r.zone, ".")), V4: p.addrs("edge.addresses_v4", r.v4, true), V6: p.addrs("edge.addresses_v6", r.v6, false), HTTP: list(r.edgeHTTP), HTTPS: list(r.edgeHTTPS),
			PublicHTTPS: r.publicHTTPS, DNS: list(r.edgeDNS), NameServers: p.nameServers(r.nameServers), Ask: r.ask, AskToken: secret.New(r.askToken), Proxies: p.prefixes("edge.trusted_proxies", r.edgeProxies),
			DNSSEC: r.dnssec, HTTP3: r.http3, HTTPSRecords: r.httpsRecords, StateDir: r.stateDir, Publish: r.publish, PublishKey: secret.New(r.publishKey),
		},
		DNS:   DNSSettings{RootHints: p.roots(r.roots), TrustAnchors: p.anchors(r.anchors), Port: r.dnsPort, PerServerQPS: p.perServer(r.dnsQPS), Resolvers: p.resolvers(r.resolvers), AllowPrivate: lab},
		ACME:  ACMESettings{CAs: p.cas(r.cas), Contact: list(r.contact)},
		Probe: ProbeSettings{Roots: r.probeRoots, HTTP: r.probeHTTP, HTTPS: r.probeHTTPS},
		Mail:  p.mail(r),
		SMS:   p.sms(r), Terms: strings.TrimSpace(r.terms), Checkpoints: r.checkpoints,
	}
	if !slices.Contains([]string{"on", "off", "down"}, s.RowSecurity) {
		p.wrong("db.row_level_security", "is on, off or down, not %q", s.RowSecurity)
	}
	if r.machines != "on" && r.machines != "off" {
		p.wrong("machine.anonymous", "is on or off, not %q", r.machines)
	}
	s.MachinesClosed = r.machines == "off"
	if s.Profile != "production" && s.Profile != "lab" {
		p.wrong("profile", "is production or lab, not %q", s.Profile)
	}
	if u, err := url.Parse(s.ConsoleOrigin); err != nil || u.Host == "" || u.Path != "" || u.Scheme != "http" && u.Scheme != "https" {
		p.wrong("console.origin", "is a scheme and a host, such as https://console.example.com")
	}
	if _, _, err := net.SplitHostPort(s.Listen); err != nil {
		p.wrong("http.listen", "is host:port, such as :8080")
	}
	if _, _, err := net.SplitHostPort(s.MetricsListen); err != nil && s.MetricsListen != "" {
		p.wrong("metrics.listen", "is host:port, such as 127.0.0.1:9464")
	}
	p.zone(&s.Edge, r.transfers)
	if lab {
		for name, addrs := range map[string][]string{"http.listen": {s.Listen}, "edge.http": s.Edge.HTTP, "edge.https": s.Edge.HTTPS, "edge.dns": s.Edge.DNS} {
			for _, a := range addrs {
				if !onLoopback(a) {
					p.wrong(name, "must be a loopback address in the lab profile, which trusts its network; %q is not", a)
				}
			}
		}
	}
	return s, errors.Join(p.faults...)
}

// Needs answers which settings a command cannot do without.
func (s Settings) Needs(names ...string) error {
	given := map[string]bool{"database.url": !s.DatabaseURL.IsZero(), "vault.kek": s.KEK != "", "edge.zone": s.Edge.Zone != "", "edge.addresses": len(s.Edge.V4)+len(s.Edge.V6) > 0}
	var faults []error
	for _, n := range names {
		if !given[n] {
			env := "NAMEPLATE_" + strings.ToUpper(strings.ReplaceAll(n, ".", "_"))
			faults = append(faults, fmt.Errorf("%s is missing: set --%s or %s", n, n, env))
		}
	}
	return errors.Join(faults...)
}

// String is what `nameplate config` prints: every setting with its value, secrets hidden.
func (s Settings) String() string {
	var b strings.Builder
	line := func(name string, v any) { fmt.Fprintf(&b, "%-22s %v\n", name, v) }
	hidden := func(v secret.String) string {
		if v.IsZero() {
			return "(not set)"
		}
		return "(set)"
	}
	line("profile", s.Profile)
	line("database.url", hidden(s.DatabaseURL))
	line("db.row_level_security", s.RowSecurity)
	line("db.app_role", cmp.Or(s.AppRole, "(not set)"))
	line("redis.url", hidden(s.RedisURL))
	line("vault.kek", cmp.Or(s.KEK, "(not set)"))
	line("http.listen", s.Listen)
	line("metrics.listen", cmp.Or(s.MetricsListen, "(not set)"))
	line("console.origin", s.ConsoleOrigin)
	line("machine.anonymous", map[bool]string{true: "off", false: "on"}[s.MachinesClosed])
	line("edge.zone", cmp.Or(s.Edge.Zone, "(not set)"))
	line("edge.addresses_v4", s.Edge.V4)
	line("edge.addresses_v6", s.Edge.V6)
	line("edge.http", s.Edge.HTTP)
	line("edge.https", s.Edge.HTTPS)
	line("edge.dns", s.Edge.DNS)
	line("edge.dnssec", map[bool]string{true: "on", false: "off"}[s.Edge.DNSSEC])
	line("edge.http3", map[bool]string{true: "on", false: "off"}[s.Edge.HTTP3])
	line("edge.https_records", map[bool]string{true: "on", false: "off"}[s.Edge.HTTPSRecords])
	line("edge.dns_transfer", s.Edge.Transfers)
	line("edge.dns_publish", cmp.Or(s.Edge.Publish, "(off)"))
	line("edge.dns_publish_key", hidden(s.Edge.PublishKey))
	line("edge.ask", cmp.Or(s.Edge.Ask, "(off)"))
	line("edge.ask_token", hidden(s.Edge.AskToken))
	line("edge.state_dir", cmp.Or(s.Edge.StateDir, "(not set: without the database an edge cannot start)"))
	line("dns.port", strconv.Itoa(s.DNS.Port))
	line("dns.per_server_qps", strconv.Itoa(s.DNS.PerServerQPS))
	for _, r := range s.DNS.Resolvers {
		line("dns.resolvers", fmt.Sprintf("%s=%s %s", r.Name, r.Address, r.Region))
	}
	for _, c := range s.ACME.CAs {
		line("acme.cas", fmt.Sprintf("%s %s (%s)", c.Name, c.Directory, c.Identity))
	}
	line("acme.contact", s.ACME.Contact)
	line("audit.checkpoints", cmp.Or(s.Checkpoints, "(not set: nobody sees when the newest rows of the audit log are cut off)"))
	line("sso.providers", cmp.Or(s.SSOProviders, "(none)"))
	s.Mail.print(line, hidden)
	line("sms.gateway", map[bool]string{true: "log", false: "(not set: no text message leaves)"}[s.SMS.Log])
	line("sms.countries", cmp.Or(strings.Join(s.SMS.Countries, ","), "(all)"))
	line("terms.version", cmp.Or(s.Terms, "(not set: nobody is asked)"))
	return b.String()
}
