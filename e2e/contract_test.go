package e2e_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
)

// slack multiplies the promised seconds on a machine that is busy with other tests.
const slack = 3

// contract is what the addresses file holds.
var contract = []string{"graphql", "graphqlWs", "apiKey", "applicationId", "organizationId", "zones", "edgeHttps", "edgeHttp", "caRoot", "console", "hostPage", "evilPage", "lab", "metrics", "consoleEmail", "consolePassword"}

// process is a running nameplate-lab, known by its addresses file alone.
type process struct {
	cmd   *exec.Cmd
	at    map[string]string
	logs  *harness.Logs
	ended chan struct{}
	err   error
}

// TestO1_MakeDev: one command starts everything on this machine; a script that knows nothing but its addresses file brings a name to LIVE; two of them do
// not meet; and whether it is asked to end or killed, nothing stays behind (CN-47, CN-51).
func TestO1_MakeDev(t *testing.T) {
	t.Parallel()
	bin := build(t, "nameplate-lab")
	dir := t.TempDir()
	labs := make([]*process, 2)
	var wg sync.WaitGroup
	for n := range labs {
		labs[n] = begin(t, bin, filepath.Join(dir, strconv.Itoa(n)+".json"))
	}
	for _, p := range labs {
		p.ready(t, 60*time.Second)
	}
	t.Run("Addresses", func(t *testing.T) {
		for _, name := range contract {
			if labs[0].at[name] == "" {
				t.Errorf("the addresses file has no %s", name)
			}
			if v := labs[0].at[name]; v == labs[1].at[name] && name != "consoleEmail" && name != "consolePassword" {
				t.Errorf("two labs share %s: %s", name, v)
			}
		}
		for _, name := range []string{"graphql", "zones", "console", "hostPage", "evilPage", "lab", "metrics"} {
			if u, err := url.Parse(labs[0].at[name]); err != nil || u.Scheme != "http" || u.Hostname() != "localhost" && !net.ParseIP(u.Hostname()).IsLoopback() {
				t.Errorf("%s is %q: plain http on localhost was promised", name, labs[0].at[name])
			}
		}
		for _, name := range []string{"console", "hostPage", "evilPage", "lab", "metrics"} {
			if res, err := http.Get(labs[0].at[name]); err != nil || res.StatusCode != http.StatusOK {
				t.Errorf("%s does not answer: %v %v", name, res, err)
			} else {
				res.Body.Close()
			}
		}
	})
	t.Run("Introspection", func(t *testing.T) {
		var out struct {
			Schema struct{ Types []struct{ Name string } } `json:"__schema"`
		}
		if labs[0].ask(t, `{ __schema { types { name } } }`, nil, &out); len(out.Schema.Types) < 50 {
			t.Errorf("the key sees %d types", len(out.Schema.Types))
		}
	})
	t.Run("SignIn", func(t *testing.T) {
		body, _ := json.Marshal(map[string]string{"username": labs[0].at["consoleEmail"], "password": labs[0].at["consolePassword"]})
		res, err := http.Post(labs[0].at["console"]+"/auth/sign-in", "application/json", bytes.NewReader(body))
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%v %v", res, err)
		}
		res.Body.Close()
	})
	for n, p := range labs { // the same name in both worlds at the same time
		wg.Go(func() { p.customer(t, n) })
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	t.Run("AskedToEnd", func(t *testing.T) {
		p := labs[0]
		children := below(t, p.cmd.Process.Pid)
		if len(children) == 0 {
			t.Fatal("the lab has no PostgreSQL of its own below it: this test proves nothing")
		}
		began := time.Now()
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.ended:
		case <-time.After(10 * time.Second):
			t.Fatalf("it did not end within ten seconds:\n%s", p.logs)
		}
		t.Logf("ended after %s", time.Since(began))
		if p.err != nil {
			t.Errorf("it ended with %v:\n%s", p.err, p.logs)
		}
		gone(t, children, 2*time.Second)
		p.portsFree(t)
		if _, err := os.Stat(p.at["caRoot"]); err == nil {
			t.Error("its files stayed behind")
		}
	})
	t.Run("TheOtherGoesOn", func(t *testing.T) { labs[1].visit(t, "shop.acme.lab") })
	t.Run("Killed", func(t *testing.T) {
		p := labs[1]
		children := below(t, p.cmd.Process.Pid)
		_ = p.cmd.Process.Kill()
		<-p.ended
		gone(t, children, 15*time.Second)
		p.portsFree(t)
	})
	t.Run("CalledWrongly", func(t *testing.T) {
		for _, args := range [][]string{{"--nonsense"}, {"explode"}, {"--addresses", "/nowhere/at/all.json", "--free-ports"}} {
			if code, out := call(t, bin, environment(), args...); code == 0 || strings.Contains(out, "goroutine ") {
				t.Errorf("nameplate-lab %v: exit code %d\n%s", args, code, out)
			}
		}
		if code, out := call(t, bin, environment(), "--help"); code != 0 || !strings.Contains(out, "addresses") {
			t.Errorf("--help: exit code %d\n%s", code, out)
		}
	})
}

// begin starts a lab with a database of its own, whatever the tests use.
func begin(t *testing.T, bin, file string) *process {
	t.Helper()
	p := &process{logs: &harness.Logs{}, ended: make(chan struct{})}
	p.cmd = exec.Command(bin, "--free-ports", "--addresses", file)
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = harness.Root(t), environment(), p.logs, p.logs
	p.at = map[string]string{"": file}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.err = p.cmd.Wait(); close(p.ended) }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
	})
	return p
}

// ready waits for the addresses.
func (p *process) ready(t *testing.T, patience time.Duration) {
	t.Helper()
	tick, end := time.NewTicker(20*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for {
		raw, err := os.ReadFile(p.at[""])
		if err == nil {
			if err := json.Unmarshal(raw, &p.at); err != nil {
				t.Fatalf("the addresses file cannot be read at once: %v\n%s", err, raw)
			}
			return
		}
		select {
		case <-tick.C:
		case <-p.ended:
			t.Fatalf("it ended before it was ready: %v\n%s", p.err, p.logs)
		case <-end:
			t.Fatalf("it was not ready within %s:\n%s", patience, p.logs)
		}
	}
}

// ask sends a document with the key of the file.
func (p *process) ask(t *testing.T, query string, variables map[string]any, out any) {
	t.Helper()
	body, _ := json.Marshal(map[string]any{"query": query, "variables": variables})
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, p.at["graphql"], bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+p.at["apiKey"])
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Errorf("ask: %v", err)
		return
	}
	defer res.Body.Close()
	raw, _ := io.ReadAll(res.Body)
	if strings.Contains(string(raw), `"errors"`) {
		t.Errorf("the API refused: %s", raw)
	}
	if err := json.Unmarshal(raw, &struct{ Data any }{out}); err != nil {
		t.Errorf("read %s: %v", raw, err)
	}
}

// customer does what the contract promises to work: start, set the records at the provider, wait, visit.
func (p *process) customer(t *testing.T, n int) {
	var made struct {
		StartConnection struct{ Connection harness.Connection }
	}
	began := time.Now()
	p.ask(t, `mutation($in: StartConnectionInput!) { startConnection(input: $in) { connection { id } } }`, map[string]any{"in": map[string]any{"applicationId": p.at["applicationId"], "hostname": "shop.acme.lab"}}, &made)
	c, ok := p.until(t, made.StartConnection.Connection.ID, "ACTION_REQUIRED", 3*time.Second)
	if !ok {
		return
	}
	records := time.Since(began)
	for _, r := range c.Records {
		if r.Requirement != "REQUIRED" && r.Requirement != "ONE_OF" {
			continue
		}
		name := strings.TrimSuffix(r.Fqdn, ".acme.lab")
		at := p.at["zones"] + "/acme.lab/" + name + "/" + r.Type
		if status, body := p.zone(t, http.MethodPut, at, fmt.Sprintf(`{"ttl":60,"values":[%q]}`, r.Value)); status != http.StatusOK {
			t.Errorf("PUT %s: %d %s", at, status, body)
		}
		if _, body := p.zone(t, http.MethodGet, p.at["zones"]+"/acme.lab", ""); !strings.Contains(body, r.Value) {
			t.Errorf("GET of the zone does not hold the record: %s", body)
		}
	}
	began = time.Now()
	if _, ok := p.until(t, c.ID, "LIVE", 8*time.Second); !ok {
		return
	}
	t.Logf("lab %d: records after %s, LIVE %s later", n, records.Round(10*time.Millisecond), time.Since(began).Round(10*time.Millisecond))
	p.visit(t, "shop.acme.lab")
	var archived struct {
		StartConnection struct{ Connection harness.Connection }
	}
	p.ask(t, `mutation($in: StartConnectionInput!) { startConnection(input: $in) { connection { id } } }`, map[string]any{"in": map[string]any{"applicationId": p.at["applicationId"], "hostname": "gone.acme.lab"}}, &archived)
	var out struct {
		ArchiveConnection struct{ Connection harness.Connection }
	}
	p.ask(t, `mutation($id: ID!) { archiveConnection(id: $id, confirmHostname: "gone.acme.lab") { connection { id state } } }`, map[string]any{"id": archived.StartConnection.Connection.ID}, &out)
	if out.ArchiveConnection.Connection.State != "ARCHIVED" {
		t.Errorf("the key may archive: %+v", out)
	}
	for _, want := range []int{http.StatusOK, http.StatusNoContent, http.StatusNoContent} { // made, taken away, taken away again
		method := http.MethodDelete
		if want == http.StatusOK {
			method = http.MethodPut
		}
		if status, body := p.zone(t, method, p.at["zones"]+"/acme.lab/@/CAA", `{"ttl":60,"values":["0 issue \"ca.lab\""]}`); status != want {
			t.Errorf("%s of the apex: %d %s", method, status, body)
		}
	}
}

func (p *process) until(t *testing.T, id, state string, promised time.Duration) (harness.Connection, bool) {
	t.Helper()
	tick, end := time.NewTicker(50*time.Millisecond), time.After(promised*slack)
	defer tick.Stop()
	for {
		var out struct{ Connection harness.Connection }
		p.ask(t, `query($id: ID!) { connection(id: $id) { id state stateReason records { type fqdn value requirement status } } }`, map[string]any{"id": id}, &out)
		if out.Connection.State == state || t.Failed() {
			return out.Connection, !t.Failed()
		}
		select {
		case <-tick.C:
		case <-end:
			t.Errorf("not %s after %d × %s: %+v\n%s", state, slack, promised, out.Connection, p.logs)
			return out.Connection, false
		}
	}
}

func (p *process) zone(t *testing.T, method, at, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, at, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Errorf("%s %s: %v", method, at, err)
		return 0, ""
	}
	defer res.Body.Close()
	raw, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(raw)
}

// visit asks the edge with the host as SNI and Host, trusting the CA of the file.
func (p *process) visit(t *testing.T, host string) {
	t.Helper()
	pem, err := os.ReadFile(p.at["caRoot"])
	if err != nil {
		t.Error(err)
		return
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	conn, err := tls.Dial("tcp", p.at["edgeHttps"], &tls.Config{ServerName: host, RootCAs: roots})
	if err != nil {
		t.Errorf("visit %s: %v", host, err)
		return
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host)
	raw, _ := io.ReadAll(conn)
	if !strings.HasPrefix(string(raw), "HTTP/1.1 200") || !strings.Contains(string(raw), `"host": "`+host+`"`) {
		t.Errorf("GET / of %s: %s", host, raw)
	}
}

// portsFree says that everything which the lab listened on can be listened on again.
func (p *process) portsFree(t *testing.T) {
	t.Helper()
	for _, name := range []string{"graphql", "zones", "hostPage", "evilPage", "lab", "edgeHttp", "edgeHttps"} {
		at := p.at[name]
		if u, err := url.Parse(at); err == nil && u.Host != "" {
			at = u.Host
		}
		l, err := net.Listen("tcp", at)
		if err != nil {
			t.Errorf("the port of %s is not free: %v", name, err)
			continue
		}
		l.Close()
	}
}

// below are the processes under a process.
func below(t *testing.T, pid int) []int {
	t.Helper()
	parent := map[int]int{}
	dirs, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		raw, err := os.ReadFile(d)
		if err != nil {
			continue // it is gone by now
		}
		_, rest, _ := strings.Cut(string(raw), ") ")
		fields := strings.Fields(rest)
		child, _ := strconv.Atoi(filepath.Base(filepath.Dir(d)))
		parent[child], _ = strconv.Atoi(fields[1])
	}
	var found []int
	for child := range parent {
		for up := parent[child]; up > 1; up = parent[up] {
			if up == pid {
				found = append(found, child)
				break
			}
		}
	}
	return found
}

// gone waits for the end of processes; one that nobody has buried yet has ended too.
func gone(t *testing.T, pids []int, patience time.Duration) {
	t.Helper()
	tick, end := time.NewTicker(20*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for {
		var left []string
		for _, pid := range pids {
			raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			if err != nil {
				continue
			}
			if _, rest, _ := strings.Cut(string(raw), ") "); !strings.HasPrefix(rest, "Z") {
				cmd, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
				left = append(left, fmt.Sprintf("%d %s", pid, strings.ReplaceAll(string(cmd), "\x00", " ")))
			}
		}
		if len(left) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			t.Errorf("%d processes stayed behind after %s: %s", len(left), patience, strings.Join(left, "; "))
			return
		}
	}
}
