package realdns

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// Recursor runs BIND as a resolver that validates until the test ends. It asks the servers of zone at an address and at the port on which it listens
// itself, at another address, and holds the zone to its DS record ("edge.lab. DS 1 13 2 …"); without one the zone counts as unsigned. The zone files of own,
// by apex, are its own to answer for: what they delegate it follows.
func Recursor(t TB, zone, ds string, server, here netip.Addr, port int, own map[string]string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "dns")
	if err != nil {
		t.Fatalf("make a folder: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	var b strings.Builder
	fmt.Fprintf(&b, "options { directory %q; port %d; listen-on { %s; }; listen-on-v6 { none; }; query-source address %s; recursion yes; allow-recursion { any; }; notify no; pid-file none; session-keyfile none;\n", dir, port, here, here)
	b.WriteString("  dnssec-validation yes; empty-zones-enable no; prefetch 0; };\ncontrols { };\n")
	if f := strings.Fields(ds); len(f) == 6 {
		fmt.Fprintf(&b, "trust-anchors { %q static-ds %s %s %s %q; };\n", f[0], f[2], f[3], f[4], f[5])
	} else {
		b.WriteString("trust-anchors { };\n")
	}
	fmt.Fprintf(&b, "zone \".\" { type hint; file \"root\"; };\nzone %q { type static-stub; server-addresses { %s; }; };\n", zone, server)
	files := map[string]string{"root": ". 60 NS a.root.lab.\na.root.lab. 60 A 127.0.0.1\n"} // nobody on the internet is asked
	for apex, text := range own {
		files[file(apex)] = text
		fmt.Fprintf(&b, "zone %q { type primary; file %q; };\n", apex, file(apex))
	}
	files["named.conf"] = b.String()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatalf("write a configuration: %v", err)
		}
	}
	k := Kind{Name: "BIND", Binary: "named", ready: "all zones loaded", failed: []string{"not loaded due to errors", "exiting (due to fatal error)"}}
	if !k.run(t, dir, []string{"-g", "-n", "1", "-c", filepath.Join(dir, "named.conf")}, 0) {
		t.Fatalf("BIND refuses its configuration:\n%s", b.String())
	}
}
