package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// shrugged are findings of testssl above LOW that are not the edge's, and why. Any other ends the bench.
var shrugged = map[string]string{
	"engine_problem": "it says what the machine's openssl lacks",
	"secure_renego":  "it cannot ask with this openssl; renegotiates does",
}

// found is one row of testssl's report.
type found struct{ ID, Severity, Finding string }

// scan lets the public scanner testssl look at the edge: protocols, suites, tickets, renegotiation and every attack that has a name. Above LOW is a fault.
func scan(ctx context.Context, _ options) error {
	tool := slices.IndexFunc([]string{"testssl", "testssl.sh"}, func(name string) bool { _, err := exec.LookPath(name); return err == nil })
	if tool < 0 {
		fmt.Println("testssl is not installed here (apt-get install testssl.sh)")
		return nil
	}
	p, s, leave, err := single(ctx, setting{})
	defer leave()
	if err != nil {
		return err
	}
	report := filepath.Join(s.Dir, "scan.json")
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, []string{"testssl", "testssl.sh"}[tool], "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--ip", "127.0.0.1", "--add-ca", s.Root, "--jsonfile", report, host+":"+port(p.address)+"/1k")
	cmd.Stdout, cmd.Stderr = &said, &said
	failed := cmd.Run() // its status counts what it did not like
	raw, err := os.ReadFile(report)
	if err != nil {
		return fmt.Errorf("testssl made no report: %w: %w: %.2000s", err, failed, said.String())
	}
	var all []found
	if err := json.Unmarshal(raw, &all); err != nil {
		return fmt.Errorf("read the report of testssl: %w", err)
	}
	return errors.Join(judgeScan(all), renegotiates(ctx, p.address))
}

// renegotiates fails unless a client of TLS 1.2 is told that renegotiation would be safe (RFC 5746), and none is made.
func renegotiates(ctx context.Context, address string) error {
	cmd := exec.CommandContext(ctx, "openssl", "s_client", "-connect", address, "-servername", host, "-tls1_2")
	cmd.Stdin = strings.NewReader("R\nGET / HTTP/1.1\n") // R asks for a renegotiation
	out, _ := cmd.CombinedOutput()                       // its status tells of our refusal
	_, after, asked := bytes.Cut(out, []byte("RENEGOTIATING"))
	if !bytes.Contains(out, []byte("Secure Renegotiation IS supported")) || !asked || !bytes.Contains(after, []byte("alert")) || bytes.Contains(after, []byte("HTTP/1.1")) {
		return fmt.Errorf("a renegotiation was answered otherwise than by refusing it: %s", out)
	}
	fmt.Println("secure renegotiation is known, and a renegotiation is refused")
	return nil
}

// judgeScan tells what was found that is not well, and is content when nothing of it is above LOW.
func judgeScan(all []found) error {
	counts, seen := map[string]int{}, map[string]bool{}
	var problems []error
	for _, f := range all {
		counts[f.Severity]++
		seen[f.ID] = true
		switch f.Severity {
		case "OK", "INFO", "DEBUG":
			continue
		case "LOW":
		default:
			if shrugged[f.ID] == "" {
				problems = append(problems, fmt.Errorf("%s: %s %s", f.ID, f.Severity, f.Finding))
			}
		}
		fmt.Println(strings.TrimSpace(fmt.Sprintf("%s %s: %s. %s", f.Severity, f.ID, f.Finding, shrugged[f.ID])))
	}
	for _, needed := range []string{"SSLv3", "TLS1", "TLS1_1", "TLS1_2", "TLS1_3", "cipherlist_3DES_IDEA", "cipherlist_AVERAGE", "cipherlist_STRONG", "TLS_session_ticket", "BEAST", "LUCKY13", "ROBOT", "secure_renego"} {
		if !seen[needed] && !slices.ContainsFunc(all, func(f found) bool { return strings.HasPrefix(f.ID, needed) }) {
			problems = append(problems, fmt.Errorf("testssl did not look at %s", needed))
		}
	}
	fmt.Printf("testssl: %d findings: %v\n", len(all), counts)
	return errors.Join(problems...)
}
