package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
	"github.com/nameplate-dev/nameplate/bench/rig"
)

// questions are what the peers read: a file with all questions for dnsperf, and one with names of each type for zdns.
type questions struct {
	all, names       string
	connections, few int
}

func (q questions) write() error {
	var all strings.Builder
	var names [4]strings.Builder
	for n := range q.connections {
		for i, l := range connection(n) {
			fmt.Fprintf(&all, "%s %s\n", l.Name, dns.TypeToString[l.Type])
			if n < q.few {
				fmt.Fprintln(&names[i], strings.TrimSuffix(l.Name, "."))
			}
		}
	}
	for i := range names {
		if err := os.WriteFile(q.names+strconv.Itoa(i), []byte(names[i].String()), 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(q.all, []byte(all.String()), 0o600)
}

var perfSays = regexp.MustCompile(`(?s)Queries completed: +(\d+).*Response codes: +NOERROR (\d+) .*Run time \(s\): +([0-9.]+)`)

// dnsperf asks everything once. It compares no value: its favour.
func (q questions) dnsperf(ctx context.Context, p pass) (figure, error) {
	out, cpu, err := rig.Run(ctx, nil, "dnsperf", "-s", p.Server.Addr().String(), "-p", strconv.Itoa(int(p.Server.Port())), "-d", q.all, "-n", "1", "-e", "-q", strconv.Itoa(p.Workers))
	if err != nil {
		return figure{}, err
	}
	m := perfSays.FindSubmatch(out)
	if m == nil {
		return figure{}, fmt.Errorf("dnsperf says what is not understood: %s", out)
	}
	good, _ := strconv.Atoi(string(m[2]))
	seconds, err := strconv.ParseFloat(string(m[3]), 64)
	return figure{outcome{Verified: good / 4, Seconds: seconds}, cpu}, err
}

// zdns asks type by type, as its modules are made; its answers are counted, not compared. Time to start is its own.
func (q questions) zdns(ctx context.Context, p pass) (f figure, err error) {
	good := 0
	for i, l := range connection(0) {
		began := time.Now()
		out, cpu, err := rig.Run(ctx, nil, filepath.Join("bench", "dns", "peers", "zdns"), dns.TypeToString[l.Type], "--input-file", q.names+strconv.Itoa(i),
			"--name-servers", p.Server.String(), "--local-addr", "127.0.0.1", "--4", "--no-follow-cnames", "--threads", strconv.Itoa(p.Workers))
		if err != nil {
			return f, err
		}
		f.Seconds += since(began)
		f.cpu += cpu
		for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
			if bytes.Contains(lines.Bytes(), []byte(`"status":"NOERROR"`)) {
				good++
			}
		}
	}
	f.Verified = good / 4
	return f, nil
}
