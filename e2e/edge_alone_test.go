package e2e_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/e2e/harness"
)

// TestO2_AnEdgeStartsWithoutPostgresAndRedis: the process of an edge is killed while both are gone, and started again. It serves the names that it knew, with
// their certificates and the zone's signatures, and refuses others. When both are back it forgets what was archived meanwhile, and serves what is new.
func TestO2_AnEdgeStartsWithoutPostgresAndRedis(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	bin := build(t, "nameplate")
	island, _ := h.Live("acme.lab", "island.acme.lab")
	gone, _ := h.Live("acme.lab", "gone.acme.lab")
	at, err := pgconn.ParseConfig(h.DSN)
	if err != nil {
		t.Fatal(err)
	}
	network, address := "tcp", net.JoinHostPort(at.Host, strconv.Itoa(int(at.Port)))
	if strings.HasPrefix(at.Host, "/") {
		network, address = "unix", fmt.Sprintf("%s/.s.PGSQL.%d", at.Host, at.Port)
	}
	postgres, redis := openGate(t, network, address), openGate(t, "tcp", h.RedisAddr)
	dsn := url.URL{Scheme: "postgres", User: url.UserPassword(at.User, at.Password), Host: postgres.at(), Path: "/" + at.Database, RawQuery: "sslmode=disable"}
	env := environment("NAMEPLATE_PROFILE=lab", "NAMEPLATE_DATABASE_URL="+dsn.String(), "NAMEPLATE_REDIS_URL=redis://"+redis.at(), "NAMEPLATE_VAULT_KEK="+h.App.Settings.KEK, "NAMEPLATE_LOG_FORMAT=text",
		"NAMEPLATE_EDGE_ZONE="+h.App.Settings.Edge.Zone, "NAMEPLATE_EDGE_ADDRESSES_V4=127.0.0.1", "NAMEPLATE_EDGE_HTTP=127.0.0.1:0", "NAMEPLATE_EDGE_HTTPS=127.0.0.1:0", "NAMEPLATE_EDGE_DNS=127.0.0.1:0",
		"NAMEPLATE_EDGE_DNSSEC=true", "NAMEPLATE_HTTP_LISTEN=127.0.0.1:0")
	state := "NAMEPLATE_EDGE_STATE_DIR=" + t.TempDir()

	p := spawnEdge(t, bin, append(env, state))
	p.says("the edge can start without its database from now on")
	before := p.serves(h, "island.acme.lab")
	p.serves(h, "gone.acme.lab")
	h.Until("the disk has all that is in force", 20*time.Second, func() (bool, string) {
		seen := p.metrics(t)
		return strings.Contains(seen, "nameplate_edge_disk_behind 0\n") && strings.Contains(seen, "nameplate_edge_from_disk 0\n"), seen
	})
	postgres.shut()
	redis.shut()
	p.serves(h, "island.acme.lab")
	p.kill()

	if code, out := call(t, bin, append(env, "NAMEPLATE_EDGE_STATE_DIR="+t.TempDir()), "edge"); code != 1 || !strings.Contains(out, "database") {
		t.Errorf("an edge that remembers nothing begins without its database: exit code %d\n%s", code, out)
	}
	p = spawnEdge(t, bin, append(env, state))
	p.says("the edge begins without its database")
	p.says("the edge serves what its disk remembers")
	if after := p.serves(h, "island.acme.lab"); !after.Equal(before) {
		t.Errorf("another certificate: %s", after.SerialNumber)
	}
	p.serves(h, "gone.acme.lab")
	p.refuses(h, "nobody.acme.lab")
	p.signs(island.Target)
	if seen := p.metrics(t); !strings.Contains(seen, "nameplate_edge_from_disk 1\n") {
		t.Errorf("the metrics do not say that it serves from its disk:\n%s", seen)
	}

	h.Must(`mutation($id: ID!) { archiveConnection(id: $id, confirmHostname: "gone.acme.lab") { connection { state } } }`, map[string]any{"id": gone.ID}, &struct{}{})
	postgres.open()
	redis.open()
	p.says("the edge has reached its database")
	h.Until("what was archived is refused", 20*time.Second, func() (bool, string) {
		_, err := p.visit(h, "gone.acme.lab")
		return err != nil, "it is served"
	})
	p.serves(h, "island.acme.lab")
	h.Live("acme.lab", "later.acme.lab")
	h.Until("what is new is served", 20*time.Second, func() (bool, string) {
		_, err := p.visit(h, "later.acme.lab")
		return err == nil, fmt.Sprint(err)
	})
	p.end()
}

// gate stands before a server that a process leans on. Shut it, and the server is gone for that process.
type gate struct {
	t                *testing.T
	network, address string
	port             string
	mu               sync.Mutex
	listener         net.Listener
	conns            map[net.Conn]bool
}

func openGate(t *testing.T, network, address string) *gate {
	t.Helper()
	g := &gate{t: t, network: network, address: address, port: "0"}
	g.open()
	t.Cleanup(g.shut)
	return g
}

func (g *gate) at() string { return "127.0.0.1:" + g.port }

func (g *gate) open() {
	g.t.Helper()
	l, err := net.Listen("tcp", g.at())
	if err != nil {
		g.t.Fatal(err)
	}
	_, g.port, _ = net.SplitHostPort(l.Addr().String())
	g.mu.Lock()
	defer g.mu.Unlock()
	g.listener, g.conns = l, map[net.Conn]bool{}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go g.pass(c)
		}
	}()
}

func (g *gate) pass(c net.Conn) {
	back, err := net.Dial(g.network, g.address)
	if err != nil {
		c.Close()
		return
	}
	g.mu.Lock()
	if g.listener == nil {
		g.mu.Unlock()
		c.Close()
		back.Close()
		return
	}
	g.conns[c], g.conns[back] = true, true
	g.mu.Unlock()
	go func() { _, _ = io.Copy(back, c); back.Close() }()
	_, _ = io.Copy(c, back)
	c.Close()
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.listener != nil {
		g.listener.Close()
	}
	for c := range g.conns {
		c.Close()
	}
	g.listener, g.conns = nil, nil
}

// edgeProcess is a running `nameplate edge`.
type edgeProcess struct {
	t                   *testing.T
	command             *exec.Cmd
	logs                *harness.Logs
	ended               chan error
	https, dns, scraped string
}

var servingLine = regexp.MustCompile(`serving domains.* https="?\[([0-9.:]+)\]"? dns="?\[([0-9.:]+)\]"?`)

func spawnEdge(t *testing.T, bin string, env []string) *edgeProcess {
	t.Helper()
	metrics := harness.Spare(t)
	p := &edgeProcess{t: t, command: exec.Command(bin, "edge", "--metrics.listen="+metrics), logs: &harness.Logs{}, ended: make(chan error, 1), scraped: metrics}
	p.command.Env, p.command.Stdout, p.command.Stderr = env, p.logs, p.logs
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.command.Wait() }()
	t.Cleanup(func() {
		_ = p.command.Process.Kill()
		if t.Failed() {
			t.Logf("the edge's log:\n%s", p.logs)
		}
	})
	p.says("serving domains")
	found := servingLine.FindStringSubmatch(p.logs.String())
	if found == nil {
		t.Fatalf("it does not say where it listens:\n%s", p.logs)
	}
	p.https, p.dns = found[1], found[2]
	return p
}

// says waits for words in the log.
func (p *edgeProcess) says(words string) {
	p.t.Helper()
	tick, patience := time.NewTicker(25*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for !strings.Contains(p.logs.String(), words) {
		select {
		case err := <-p.ended:
			p.t.Fatalf("the edge ended by itself: %v\n%s", err, p.logs)
		case <-patience:
			p.t.Fatalf("the edge never said %q:\n%s", words, p.logs)
		case <-tick.C:
		}
	}
}

func (p *edgeProcess) kill() {
	_ = p.command.Process.Kill()
	<-p.ended
}

func (p *edgeProcess) end() {
	p.t.Helper()
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-p.ended:
		if err != nil {
			p.t.Errorf("the edge ended badly: %v", err)
		}
	case <-time.After(12 * time.Second):
		p.t.Error("the edge did not end within twelve seconds")
	}
}

// visit is a request for a name, and answers the certificate that was presented for it; the error may come from the handshake.
func (p *edgeProcess) visit(h *harness.House, host string) (*x509.Certificate, error) {
	pem, err := os.ReadFile(h.Addresses.CARoot)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: host}, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, p.https)
	}}
	defer tr.CloseIdleConnections()
	res, err := (&http.Client{Transport: tr, Timeout: 15 * time.Second}).Get("https://" + host + "/island")
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK || !strings.Contains(string(body), "/island") {
		return nil, fmt.Errorf("%s: %s", res.Status, body)
	}
	return res.TLS.PeerCertificates[0], nil
}

func (p *edgeProcess) serves(h *harness.House, host string) *x509.Certificate {
	p.t.Helper()
	c, err := p.visit(h, host)
	if err != nil {
		p.t.Fatalf("%s is not served: %v", host, err)
	}
	return c
}

func (p *edgeProcess) refuses(h *harness.House, host string) {
	p.t.Helper()
	_, err := p.visit(h, host)
	if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
		p.t.Errorf("%s is not refused: %v", host, err)
	}
}

// signs asks the edge zone for a target, and wants its address with a signature.
func (p *edgeProcess) signs(target string) {
	p.t.Helper()
	q := new(dns.Msg).SetQuestion(dns.Fqdn(target), dns.TypeA)
	q.SetEdns0(1232, true)
	p.until("the edge zone answers", func() error {
		m, err := dns.Exchange(q, p.dns)
		if err != nil {
			return err
		}
		signed, right := false, false
		for _, rr := range m.Answer {
			switch rr := rr.(type) {
			case *dns.RRSIG:
				signed = true
			case *dns.A:
				right = rr.A.Equal(net.IPv4(127, 0, 0, 1))
			}
		}
		if !signed || !right {
			return fmt.Errorf("%v", m)
		}
		return nil
	})
}

func (p *edgeProcess) metrics(t *testing.T) string {
	t.Helper()
	var seen string
	p.until("the metrics are answered", func() error {
		res, err := http.Get("http://" + p.scraped + "/metrics")
		if err != nil {
			return err
		}
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		seen = string(raw)
		return err
	})
	return seen
}

func (p *edgeProcess) until(what string, done func() error) {
	p.t.Helper()
	tick, patience := time.NewTicker(50*time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for {
		err := done()
		if err == nil {
			return
		}
		select {
		case <-patience:
			p.t.Fatalf("never: %s; last: %v", what, err)
		case <-tick.C:
		}
	}
}
