package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// known are the cases of h2spec that the edge does not pass, and why that is right or may stay so. Any other failure ends the bench, and so does one of
// these that passes.
var known = map[string]string{
	"http2/6.5.3 Sends multiple values of SETTINGS_INITIAL_WINDOW_SIZE":                                            "net/http closes the connection, with PROTOCOL_ERROR: no client sends one setting twice in a frame, and floods do",
	"http2/8.1.2.2 Sends a HEADERS frame that contains the connection-specific header field":                       "400 instead of RST_STREAM, which RFC 9113 section 8.1.1 allows; nothing reaches the origin",
	"http2/8.1.2.2 Sends a HEADERS frame that contains the TE header field with any value other than \"trailers\"": "400 instead of RST_STREAM, as above",
}

// casesLeast is how many h2spec has.
const casesLeast = 145

// suites is how h2spec reports, in the form of JUnit.
type suites struct {
	Suites []struct {
		Cases []struct {
			Package string    `xml:"package,attr"`
			Name    string    `xml:"classname,attr"`
			Failure *struct{} `xml:"failure"`
			Skipped *struct{} `xml:"skipped"`
			Error   *struct{} `xml:"error"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

// h2spec asks the edge everything that the public tool asks a server of HTTP/2.
func h2spec(ctx context.Context, _ options) error {
	p, s, leave, err := single(ctx, setting{Name: "localhost"}) // which the tool can resolve
	defer leave()
	if err != nil {
		return err
	}
	report := filepath.Join(s.Dir, "report.xml")
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join("bench", "edge", "peers", "h2spec"), "-t", "-k", "-h", s.Name, "-p", port(p.address), "-P", "/1k", "-o", "3", "-j", report)
	cmd.Stdout, cmd.Stderr = &said, &said
	_ = cmd.Run() // its status says that something failed; the report says what
	raw, err := os.ReadFile(report)
	if err != nil {
		return fmt.Errorf("h2spec made no report: %w: %.2000s", err, said.String())
	}
	return judge(raw)
}

// judge tells of each case that did not pass, and is content when all of them are known.
func judge(raw []byte) error {
	var report suites
	if err := xml.Unmarshal(raw, &report); err != nil {
		return fmt.Errorf("read the report of h2spec: %w", err)
	}
	passed, asked, failed := 0, 0, map[string]bool{}
	var problems []error
	for _, suite := range report.Suites {
		for _, c := range suite.Cases {
			asked++
			if c.Failure == nil && c.Error == nil && c.Skipped == nil {
				passed++
				continue
			}
			name := c.Package + " " + strings.TrimSpace(c.Name)
			failed[name] = true
			why, ok := known[name]
			if !ok {
				problems = append(problems, fmt.Errorf("%s: not passed", name))
			}
			fmt.Printf("%s: %s\n", name, why)
		}
	}
	for name := range known {
		if !failed[name] {
			problems = append(problems, fmt.Errorf("%s: passes now", name))
		}
	}
	if asked < casesLeast {
		problems = append(problems, fmt.Errorf("%d cases were asked instead of %d", asked, casesLeast))
	}
	fmt.Printf("%d of %d cases of h2spec pass\n", passed, asked)
	return errors.Join(problems...)
}
