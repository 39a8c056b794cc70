package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/nameplate-dev/nameplate/bench/rig"
	edgedns "github.com/nameplate-dev/nameplate/edge/dns"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/metric"
	"github.com/nameplate-dev/nameplate/lab/realdns"
)

// answering is one server that is asked for targets: the same zone, one thread of work each.
type answering struct {
	name string
	at   netip.AddrPort
}

// served is what the process of our own server is told.
type served struct {
	Targets int
	Signed  bool
}

// authority measures answers a second of the edge zone's name server, beside NSD and Knot with the same zone. dnsperf asks all of them from this
// machine, so each has what dnsperf leaves of it.
func authority(ctx context.Context, o options) (err error) {
	h, turn := &host{ctx: ctx}, min(o.each, longestTurn)
	defer h.close(&err)
	dir, err := os.MkdirTemp("", "zone")
	if err != nil {
		return err
	}
	h.Cleanup(func() { _ = os.RemoveAll(dir) })
	questions := filepath.Join(dir, "questions")
	if err := asked(questions, o.targets); err != nil {
		return err
	}
	zone := map[string]string{targets: targetZone(o.targets)}
	var servers []answering
	for _, k := range append([]realdns.Kind{realdns.NSD}, realdns.Kinds...) {
		if k.Name != "NSD" && k.Name != "Knot" {
			continue
		}
		at, ok := k.Start(h, zone)
		if !ok {
			return fmt.Errorf("%s refuses the zone", k.Name)
		}
		servers = append(servers, answering{k.Name, at})
	}
	ours, err := oursServes(h, served{o.targets, false})
	if err != nil {
		return err
	}
	signing, err := oursServes(h, served{o.targets, true})
	if err != nil {
		return err
	}
	servers = append(servers, answering{"ours", ours}, answering{"ours, signed", signing})
	fmt.Printf("%d targets, A, AAAA and CAA of each in turn, one of ten questions for a name that does not exist; %d rounds of %s, alternating\n\n", o.targets, o.rounds, turn)
	fmt.Printf("| server | answers/s, median | of all rounds | unanswered |\n|---|---|---|---|\n")
	all, lost := map[string][]float64{}, map[string]int{}
	for round := range o.rounds + 1 { // the first warms up
		for _, s := range servers {
			extra := []string{}
			if s.name == "ours, signed" {
				extra = []string{"-D"}
			}
			rate, missing, err := perf(ctx, s.at, questions, turn, extra...)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			if round > 0 {
				all[s.name], lost[s.name] = append(all[s.name], rate), lost[s.name]+missing
			}
		}
	}
	for _, s := range servers {
		fmt.Printf("| %s | %.0f | %.0f | %d |\n", s.name, median(all[s.name]), all[s.name], lost[s.name])
	}
	fmt.Printf("\nours is %.2f of NSD, signed %.2f\n", median(all["ours"])/median(all["NSD"]), median(all["ours, signed"])/median(all["NSD"]))
	return nil
}

const longestTurn = 8 * time.Second

const absentEvery = 9 // so that one of ten questions is for a name that does not exist

// asked writes the questions for dnsperf.
func asked(file string, n int) error {
	var b strings.Builder
	for i := range n {
		token, _ := tokens(i)
		for _, kind := range []string{"A", "AAAA", "CAA"} {
			fmt.Fprintf(&b, "%s.%s %s\n", token, targets, kind)
		}
		if i%absentEvery < absentEvery/3 {
			fmt.Fprintf(&b, "nobody%d.%s A\n", i, targets)
		}
	}
	return os.WriteFile(file, []byte(b.String()), 0o600)
}

// targetZone is the zone of so many targets as a file.
func targetZone(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "$ORIGIN %[1]s\n@ 300 SOA ns1.%[1]s hostmaster.%[1]s 1 3600 600 604800 30\n@ 300 NS ns1.%[1]s\n@ 300 NS ns2.%[1]s\nns1 60 A 127.0.0.1\nns2 60 A 127.0.0.1\n", targets)
	for i := range n {
		token, _ := tokens(i)
		fmt.Fprintf(&b, "%[1]s 60 A 192.0.2.1\n%[1]s 60 A 192.0.2.2\n%[1]s 60 AAAA 2001:db8::1\n%[1]s 300 CAA 0 issue \"letsencrypt.org; accounturi=https://ca.example/acct/1\"\n", token)
	}
	return b.String()
}

// oursServes starts the edge zone's server in a process of its own, with one thread of work.
func oursServes(h *host, with served) (at netip.AddrPort, err error) {
	exe, err := os.Executable()
	if err != nil {
		return at, err
	}
	raw, err := json.Marshal(with)
	if err != nil {
		return at, err
	}
	cmd := exec.CommandContext(h.ctx, exe, "role:zone")
	cmd.Env, cmd.Stdin, cmd.Stderr = append(os.Environ(), "GOMAXPROCS=1"), strings.NewReader(string(raw)), os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return at, err
	}
	if err := cmd.Start(); err != nil {
		return at, err
	}
	h.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return at, fmt.Errorf("our server does not start: %w", err)
	}
	return netip.ParseAddrPort(strings.TrimSpace(line))
}

// zoneRole is that process.
func zoneRole(ctx context.Context) error {
	var with served
	if err := json.NewDecoder(os.Stdin).Decode(&with); err != nil {
		return err
	}
	zone := strings.TrimSuffix(targets, ".")
	s := &edgedns.Server{
		Zone: zone, Listeners: []string{"127.0.0.1:0"}, V4: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}, V6: []netip.Addr{netip.MustParseAddr("2001:db8::1")},
		CAs: func() []edgedns.CA {
			return []edgedns.CA{{Identity: "letsencrypt.org", AccountURI: "https://ca.example/acct/1"}}
		}, Metrics: metric.New(),
	}
	if with.Signed {
		plain, err := edgedns.NewKey(zone)
		if err != nil {
			return err
		}
		key, err := edgedns.ReadKey(zone, plain)
		if err != nil {
			return err
		}
		s.Keys = func(context.Context) ([]*edgedns.Key, error) { return []*edgedns.Key{key}, nil }
	}
	rows := make([]edgeentry.ZoneRecord, with.Targets)
	for n := range rows {
		token, _ := tokens(n)
		rows[n] = edgeentry.ZoneRecord{FQDN: token + "." + zone, Type: edgeentry.TypeTarget}
	}
	s.Apply(edgeentry.Snapshot{Generation: 1, Records: rows}, true)
	if err := s.Listen(ctx); err != nil {
		return err
	}
	fmt.Println(s.Addrs()[0])
	return s.Run(ctx)
}

var perfRate = regexp.MustCompile(`(?s)Queries sent: +(\d+).*Queries completed: +(\d+).*Queries per second: +([0-9.]+)`)

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// perf is one run of dnsperf: answers a second, and questions without one.
func perf(ctx context.Context, at netip.AddrPort, file string, each time.Duration, extra ...string) (rate float64, missing int, err error) {
	argv := append([]string{"dnsperf", "-s", at.Addr().String(), "-p", strconv.Itoa(int(at.Port())), "-d", file, "-l", strconv.Itoa(int(each.Seconds())), "-c", "8", "-q", "200", "-e"}, extra...)
	out, _, err := rig.Run(ctx, nil, argv...)
	if err != nil {
		return 0, 0, err
	}
	m := perfRate.FindSubmatch(out)
	if m == nil {
		return 0, 0, fmt.Errorf("dnsperf says what is not understood: %s", out)
	}
	sent, _ := strconv.Atoi(string(m[1]))
	answered, _ := strconv.Atoi(string(m[2]))
	rate, err = strconv.ParseFloat(string(m[3]), 64)
	return rate, sent - answered, err
}
