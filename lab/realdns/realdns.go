// Package realdns runs name servers that others wrote, BIND, Knot and PowerDNS from the system's packages, on loopback. Their quirks show
// what our own servers cannot: that the engine is not tuned to them.
package realdns

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/nameplate-dev/nameplate/lab/loopback"
)

// Kind is a server of a make.
type Kind struct {
	Name   string
	Binary string
	Signed bool // serves zones that were signed elsewhere

	config func(dir string, port int, zones []string) (files map[string]string, args []string)
	ready  string // what it logs when it answers
	failed []string
}

// TB is what Start needs of a *testing.T.
type TB interface {
	Helper()
	Cleanup(func())
	Context() context.Context
	Fatalf(format string, args ...any)
}

// Kinds lists the makes.
var Kinds = []Kind{
	{Name: "BIND", Binary: "named", Signed: true, config: bind, ready: "all zones loaded", failed: []string{"not loaded due to errors"}},
	{Name: "Knot", Binary: "knotd", Signed: true, config: knot, ready: "loaded, serial", failed: []string{"failed"}},
	{Name: "PowerDNS", Binary: "pdns_server", config: pdns, ready: "operating unthreaded", failed: []string{"1 rejected", "2 rejected", "3 rejected"}},
}

// Start runs a server with zones, given as zone files by apex, until the test ends. ok is false when the server refuses a zone: then the
// shape cannot be had with it.
func (k Kind) Start(t TB, zones map[string]string) (at netip.AddrPort, ok bool) {
	t.Helper()
	here := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	port, sockets, err := loopback.BindDNS(t.Context(), 0, []netip.Addr{here}, nil)
	if err != nil {
		t.Fatalf("find a port for %s: %v", k.Name, err)
	}
	for _, s := range sockets {
		s.Close()
	}
	dir, err := os.MkdirTemp("", "dns") // short: sockets lie in it
	if err != nil {
		t.Fatalf("make a folder: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	names := []string{}
	for apex, text := range zones {
		names = append(names, apex)
		if err := os.WriteFile(filepath.Join(dir, file(apex)), []byte(text), 0o600); err != nil {
			t.Fatalf("write a zone: %v", err)
		}
	}
	files, args := k.config(dir, port, names)
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatalf("write a configuration: %v", err)
		}
	}
	return netip.AddrPortFrom(here, uint16(port)), k.run(t, dir, args, len(zones))
}

// run starts the process and reads its log until it answers for all zones.
func (k Kind) run(t TB, dir string, args []string, zones int) bool {
	t.Helper()
	cmd := exec.Command(k.Binary, args...)
	cmd.Dir = dir
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", k.Name, err)
	}
	exited := make(chan struct{})
	go func() { defer close(exited); _ = cmd.Wait(); _ = in.Close() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-exited:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-exited
		}
	})
	verdict := make(chan bool, 1)
	go func() { // reads to the end, so that the process never waits for us
		log, count := bufio.NewScanner(out), 0
		for log.Scan() {
			line := log.Text()
			if k.Name != "Knot" || count < zones {
				for _, bad := range k.failed {
					if strings.Contains(line, bad) {
						offer(verdict, false)
					}
				}
			}
			if strings.Contains(line, k.ready) {
				if count++; k.Name != "Knot" || count == zones {
					offer(verdict, true)
				}
			}
		}
		offer(verdict, false)
	}()
	select {
	case ok := <-verdict:
		return ok
	case <-time.After(20 * time.Second):
		t.Fatalf("%s does not start", k.Name)
	}
	return false
}

func offer(c chan bool, v bool) {
	select {
	case c <- v:
	default:
	}
}

func file(apex string) string { return "zone-" + strings.TrimSuffix(apex, ".") }

func bind(dir string, port int, zones []string) (map[string]string, []string) {
	var b strings.Builder
	fmt.Fprintf(&b, "options { directory %q; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; notify no; pid-file none; session-keyfile none;\n", dir, port)
	b.WriteString("  check-names primary ignore; check-mx ignore; check-integrity no; dnssec-validation no; empty-zones-enable no; };\ncontrols { };\n")
	b.WriteString("zone \".\" { type hint; file \"root\"; };\n") // nobody on the internet is asked
	for _, apex := range zones {
		fmt.Fprintf(&b, "zone %q { type primary; file %q; };\n", apex, file(apex))
	}
	return map[string]string{"named.conf": b.String(), "root": ". 60 NS a.root.lab.\na.root.lab. 60 A 127.0.0.1\n"}, []string{"-g", "-n", "1", "-c", filepath.Join(dir, "named.conf")}
}

func knot(dir string, port int, zones []string) (map[string]string, []string) {
	var b strings.Builder
	fmt.Fprintf(&b, "server:\n    rundir: %q\n    listen: 127.0.0.1@%d\n    udp-workers: 1\n    tcp-workers: 1\ndatabase:\n    storage: %q\nlog:\n  - target: stdout\n    any: info\ntemplate:\n  - id: default\n    storage: %q\n    semantic-checks: soft\nzone:\n", dir, port, dir, dir)
	for _, apex := range zones {
		fmt.Fprintf(&b, "  - domain: %s\n    file: %q\n", apex, file(apex))
	}
	return map[string]string{"knot.conf": b.String()}, []string{"-c", filepath.Join(dir, "knot.conf")}
}

func pdns(dir string, port int, zones []string) (map[string]string, []string) {
	var b strings.Builder
	for _, apex := range zones {
		fmt.Fprintf(&b, "zone %q { type native; file %q; };\n", strings.TrimSuffix(apex, "."), filepath.Join(dir, file(apex)))
	}
	conf := fmt.Sprintf("launch=bind\nbind-config=%s\nlocal-address=127.0.0.1\nlocal-port=%d\nsocket-dir=%s\nguardian=no\ndaemon=no\nloglevel=6\nreceiver-threads=1\ndistributor-threads=1\ncache-ttl=0\nquery-cache-ttl=0\nnegquery-cache-ttl=0\nexpand-alias=no\ndname-processing=yes\n",
		filepath.Join(dir, "named.conf"), port, dir)
	return map[string]string{"named.conf": b.String(), "pdns.conf": conf}, []string{"--config-dir=" + dir}
}
