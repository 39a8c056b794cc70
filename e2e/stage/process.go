package stage

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nameplate-dev/nameplate/lab"
)

// InWorld are the settings of a process of the product in a world: its DNS, its CAs, its edge. The files that they name are written to dir. What the process
// leans on besides (database.url, redis.url, vault.kek) and where it listens for people (http.listen) is the caller's to add.
func InWorld(w *lab.World, dir string) (map[string]string, error) {
	roots, directory := filepath.Join(dir, "roots.pem"), filepath.Join(dir, "directory.pem")
	if err := errors.Join(os.WriteFile(roots, w.RootsPEM(), 0o600), os.WriteFile(directory, w.DirectoryRootPEM(), 0o600)); err != nil {
		return nil, err
	}
	var dns, servers, resolvers, cas []string
	for n, a := range w.Addresses.Edge {
		dns, servers = append(dns, a.String()), append(servers, fmt.Sprintf("ns%d=%s", n+1, a.Addr()))
	}
	for n, r := range w.Recursors() {
		resolvers = append(resolvers, fmt.Sprintf("resolver-%d=%s", n+1, r.Addr))
	}
	for _, name := range []string{"main", "second"} {
		ca := w.CA(name)
		cas = append(cas, strings.Join([]string{name, ca.DirectoryURL(), ca.Identity, directory}, "|"))
	}
	_, http, _ := net.SplitHostPort(w.Addresses.EdgeHTTP)
	_, https, _ := net.SplitHostPort(w.Addresses.EdgeHTTPS)
	return map[string]string{
		"profile": "lab", "log.format": "text", "edge.zone": lab.EdgeZone, "edge.addresses_v4": "127.0.0.1", "edge.http": w.Addresses.EdgeHTTP, "edge.https": w.Addresses.EdgeHTTPS,
		"edge.public_https": https, "edge.dns": strings.Join(dns, ","), "edge.name_servers": strings.Join(servers, ","), "edge.state_dir": filepath.Join(dir, "edge"),
		"dns.root_hints": "a.root-servers.lab=" + w.Addresses.Root.Addr().String(), "dns.trust_anchors": w.Anchor(), "dns.port": strconv.Itoa(w.Addresses.DNSPort), "dns.resolvers": strings.Join(resolvers, ","),
		"acme.cas": strings.Join(cas, ","), "acme.contact": "ops@nameplate.example", "probe.roots": roots, "probe.http_port": http, "probe.https_port": https, "psl.extra": "co.lab,private:pages.lab",
		"mail.smtp": w.Addresses.SMTP, "mail.tls": "off", "mail.from": "Nameplate <no-reply@nameplate.example>",
	}, nil
}
