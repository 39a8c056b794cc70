// Package harness starts a stage (world and product) for a journey, and gives it what a journey needs: a GraphQL caller, a visitor of the edge, and a
// browser that runs one TypeScript file.
package harness

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/stage"
	"github.com/nameplate-dev/nameplate/lab"
)

// House is a running stage with a test around it.
type House struct {
	*stage.Stage
	Lab  *lab.World
	Logs *Logs
	t    testing.TB
	read *read
}

// read are the mails that a test has looked at.
type read struct {
	mu   sync.Mutex
	seen map[string]bool
}

// Logs keeps what the product logged.
type Logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *Logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *Logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Option adjusts a stage.
type Option func(*stage.Config)

// Start opens a stage on free ports, closed when the test ends. The product's log is shown when the test failed.
func Start(t testing.TB, options ...Option) *House {
	t.Helper()
	logs := &Logs{}
	c := stage.Config{FreePorts: true, Log: logs, LogLevel: "info"}
	for _, o := range options {
		o(&c)
	}
	s, err := stage.Open(t.Context(), c)
	for n := 1; n < 3 && errors.Is(err, syscall.EADDRINUSE); n++ { // the ports were free when the world began, and another process has taken one since
		s, err = stage.Open(t.Context(), c)
	}
	if err != nil {
		t.Fatalf("open the stage: %v\n%s", err, logs)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("the stage did not stop well: %v", err)
		}
		if t.Failed() {
			t.Logf("the product's log:\n%s", logs)
		}
	})
	return &House{Stage: s, Lab: s.World, Logs: logs, t: t, read: &read{seen: map[string]bool{}}}
}

// Fault is one error of a GraphQL answer.
type Fault struct {
	Message    string         `json:"message"`
	Path       []any          `json:"path"`
	Extensions map[string]any `json:"extensions"`
}

// Code is the fault's class.
func (f Fault) Code() string { s, _ := f.Extensions["code"].(string); return s }

// Reason is its public reason.
func (f Fault) Reason() string { s, _ := f.Extensions["reason"].(string); return s }

// Field is the input path that it is about.
func (f Fault) Field() string { s, _ := f.Extensions["field"].(string); return s }

// Answer is what the API said, raw and read.
type Answer struct {
	Status int
	Raw    []byte
	Data   json.RawMessage `json:"data"`
	Faults []Fault         `json:"errors"`
}

// Ask sends a document with the stage's API key.
func (h *House) Ask(query string, variables map[string]any) Answer {
	h.t.Helper()
	return h.AskAs(h.Addresses.APIKey, query, variables)
}

// AskAs sends a document with a bearer credential; "" sends none.
func (h *House) AskAs(token, query string, variables map[string]any) Answer {
	h.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		h.t.Fatal(err)
	}
	r, _ := http.NewRequestWithContext(h.t.Context(), http.MethodPost, h.Addresses.GraphQL, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatalf("ask the API: %v", err)
	}
	defer res.Body.Close()
	a := Answer{Status: res.StatusCode}
	if a.Raw, err = io.ReadAll(res.Body); err != nil {
		h.t.Fatal(err)
	}
	if err := json.Unmarshal(a.Raw, &a); err != nil {
		h.t.Fatalf("the API answered %d %q", a.Status, a.Raw)
	}
	return a
}

// Must reads the answer's data into out, or ends the test with the faults.
func (h *House) Must(query string, variables map[string]any, out any) {
	h.t.Helper()
	a := h.Ask(query, variables)
	if len(a.Faults) > 0 {
		h.t.Fatalf("the API refused: %s", a.Raw)
	}
	if err := json.Unmarshal(a.Data, out); err != nil {
		h.t.Fatalf("read %s: %v", a.Data, err)
	}
}

// Until asks again until the condition holds, or fails after the deadline with what was seen last.
func (h *House) Until(what string, deadline time.Duration, condition func() (bool, string)) time.Duration {
	h.t.Helper()
	began := time.Now()
	tick := time.NewTicker(150 * time.Millisecond) // a key's hourly budget pays for each look
	defer tick.Stop()
	for {
		ok, seen := condition()
		if ok {
			return time.Since(began)
		}
		if time.Since(began) > deadline {
			h.t.Fatalf("%s: not within %s; last seen: %s", what, deadline, seen)
		}
		select {
		case <-h.t.Context().Done():
			h.t.Fatal(h.t.Context().Err())
		case <-tick.C:
		}
	}
}

// Visit asks the edge for a host name over TLS, trusting the lab's CAs, as a visitor does whose resolver answers with the edge's address.
func (h *House) Visit(host, path string, header ...string) (*http.Response, []byte, error) {
	h.t.Helper()
	return h.visit(h.t.Context(), host, host, path, header)
}

func (h *House) visit(ctx context.Context, sni, host, path string, header []string) (*http.Response, []byte, error) {
	pem, err := os.ReadFile(h.Addresses.CARoot)
	if err != nil {
		return nil, nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	tr := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: sni},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, h.Addresses.EdgeHTTPS)
		},
	}
	defer tr.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+path, nil)
	if err != nil {
		return nil, nil, err
	}
	for n := 0; n+1 < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	res, err := (&http.Client{Transport: tr, Timeout: 15 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res, body, err
}

// Connection is what journeys look at.
type Connection struct {
	ID          string `json:"id"`
	Hostname    string `json:"hostname"`
	State       string `json:"state"`
	StateReason string `json:"stateReason"`
	Target      string `json:"target"`
	Version     int    `json:"version"`
	Records     []struct {
		ID, Key, Type, Fqdn, Value, Status, Requirement, Group string
		Servers                                                *struct{ Have, Of int }
		Display                                                struct{ Name, Value, BindLine, CopyAll string }
		Finding                                                *struct {
			Code    string
			Explain struct{ Title, Body string }
		}
	} `json:"records"`
	Findings []struct{ Code, Severity string } `json:"findings"`
	Facets   map[string]struct {
		Value, Reason string
	} `json:"facets"`
	Certificate *struct {
		ID, Status, Ca, Serial string
		Names                  []string
	} `json:"certificate"`
	Eta *struct {
		Seconds     int
		PerResolver []struct {
			Resolver, Reason string
			Seconds          int
		}
	} `json:"eta"`
}

const fields = `id hostname state stateReason target version
  records { id key type fqdn value status requirement group servers { have of } display { name value bindLine copyAll } finding { code explain { title body } } }
  findings { code severity } facets { ownership { value reason } dns { value reason } tls { value reason } edge { value reason } }
  certificate { id status ca serial names } eta { seconds perResolver { resolver seconds reason } }`

// StartConnection begins to connect a name to the stage's application.
func (h *House) StartConnection(host string) Connection {
	h.t.Helper()
	var out struct {
		StartConnection struct{ Connection Connection }
	}
	h.Must(`mutation($in: StartConnectionInput!) { startConnection(input: $in) { connection { `+fields+` } } }`, map[string]any{"in": map[string]any{"applicationId": h.Addresses.ApplicationID, "hostname": host}}, &out)
	return out.StartConnection.Connection
}

// Connection reads a connection as it stands now.
func (h *House) Connection(id string) Connection {
	h.t.Helper()
	var out struct{ Connection *Connection }
	h.Must(`query($id: ID!) { connection(id: $id) { `+fields+` } }`, map[string]any{"id": id}, &out)
	if out.Connection == nil {
		h.t.Fatalf("the connection %s is gone", id)
	}
	return *out.Connection
}

// State waits until a connection is in one of the states.
func (h *House) State(id string, deadline time.Duration, states ...string) Connection {
	h.t.Helper()
	var c Connection
	h.Until(fmt.Sprintf("%s in %v", id, states), deadline, func() (bool, string) {
		c = h.Connection(id)
		for _, s := range states {
			if c.State == s {
				return true, ""
			}
		}
		return false, fmt.Sprintf("%s %s %+v %+v", c.State, c.StateReason, c.Facets, c.Findings)
	})
	return c
}

// Finding waits until a connection, or one of its records, has a finding.
func (h *House) Finding(id, code string, deadline time.Duration) Connection {
	h.t.Helper()
	var c Connection
	h.Until(id+" has the finding "+code, deadline, func() (bool, string) {
		c = h.Connection(id)
		for _, f := range c.Findings {
			if f.Code == code {
				return true, ""
			}
		}
		for _, r := range c.Records {
			if r.Finding != nil && r.Finding.Code == code {
				return true, ""
			}
		}
		return false, fmt.Sprintf("%s %s %+v %+v", c.State, c.StateReason, c.Findings, c.Records)
	})
	return c
}

// AddRecords sets a connection's required records at the lab's provider, as the customer would. Of a group the first line is taken.
func (h *House) AddRecords(zone string, c Connection) {
	h.t.Helper()
	groups := map[string]bool{}
	for _, r := range c.Records {
		if r.Group != "" {
			if groups[r.Group] {
				continue
			}
			groups[r.Group] = true
		}
		name := "@"
		if n := len(r.Fqdn) - len(zone) - 1; n > 0 {
			name = r.Fqdn[:n]
		}
		h.Lab.Zone(zone).Set(name, r.Type, r.Value)
	}
}

// Live connects a name from nothing to LIVE and answers how long it took from the records to there.
func (h *House) Live(zone, host string) (Connection, time.Duration) {
	h.t.Helper()
	c := h.StartConnection(host)
	c = h.State(c.ID, 10*time.Second, "ACTION_REQUIRED")
	h.AddRecords(zone, c)
	began := time.Now()
	c = h.State(c.ID, 30*time.Second, "LIVE")
	return c, time.Since(began)
}
