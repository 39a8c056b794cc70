package realdns

import (
	"fmt"
	"path/filepath"
	"strings"
)

// NSD is the measure of speed for authoritative servers. It is none of Kinds: the zoo's shapes need no fourth make.
var NSD = Kind{Name: "NSD", Binary: "nsd", Signed: true, config: nsd, ready: "nsd started", failed: []string{"error:", "could not"}}

func nsd(dir string, port int, zones []string) (map[string]string, []string) {
	var b strings.Builder
	fmt.Fprintf(&b, "server:\n  ip-address: 127.0.0.1@%d\n  server-count: 1\n  username: \"\"\n  zonesdir: %q\n  database: \"\"\n  pidfile: \"\"\n  xfrdfile: \"\"\n  xfrdir: %q\n  zonelistfile: %q\n  rrl-ratelimit: 0\n  rrl-whitelist-ratelimit: 0\n  verbosity: 1\nremote-control:\n  control-enable: no\n",
		port, dir, dir, filepath.Join(dir, "zone.list"))
	for _, apex := range zones {
		fmt.Fprintf(&b, "zone:\n  name: %q\n  zonefile: %q\n", apex, file(apex))
	}
	return map[string]string{"nsd.conf": b.String()}, []string{"-d", "-c", filepath.Join(dir, "nsd.conf")}
}
