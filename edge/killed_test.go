package edge_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/certificate"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/lab/acmeca"
)

// gate stands in front of the main CA. It lets a request reach the CA, counts it, and may let the answer go astray.
type gate struct {
	url   string
	roots []byte
	inner http.Handler

	mu    sync.Mutex
	count int
	after func(n int, r *http.Request) // the CA has done what it was asked for, and its answer is not sent until this returns; may be nil
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.count++
	n, after := g.count, g.after
	g.mu.Unlock()
	hold := &held{header: http.Header{}}
	g.inner.ServeHTTP(hold, r)
	if after != nil {
		after(n, r)
	}
	hold.send(w)
}

// watch starts counting anew.
func (g *gate) watch(after func(int, *http.Request)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count, g.after = 0, after
}

// held is an answer that is not sent yet.
type held struct {
	header http.Header
	status int
	body   []byte
}

func (h *held) Header() http.Header         { return h.header }
func (h *held) WriteHeader(status int)      { h.status = status }
func (h *held) Write(p []byte) (int, error) { h.body = append(h.body, p...); return len(p), nil }
func (h *held) send(w http.ResponseWriter) {
	for k, v := range h.header {
		w.Header()[k] = v
	}
	if h.status != 0 {
		w.WriteHeader(h.status)
	}
	_, _ = w.Write(h.body)
}

// gated puts a gate in front of the main CA, the only one from now on, and gives the installation a key that other processes can have too.
func (i *installation) gated() (*gate, vault.KEK, string) {
	i.t.Helper()
	dir, roots, err := acmeca.DirectoryCertificate()
	if err != nil {
		i.t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{dir}, NextProtos: []string{"http/1.1"}})
	if err != nil {
		i.t.Fatal(err)
	}
	g := &gate{url: fmt.Sprintf("https://localhost:%d/dir", l.Addr().(*net.TCPAddr).Port), roots: roots, inner: i.main}
	srv := &http.Server{Handler: g}
	go func() { _ = srv.Serve(l) }()
	i.t.Cleanup(func() { _ = srv.Close() })
	path := filepath.Join(i.t.TempDir(), "kek")
	kek, err := vault.LoadKEK("file:"+path, true)
	if err != nil {
		i.t.Fatal(err)
	}
	i.certs.Vault = vault.New(i.DB, kek)
	i.certs.CAs = []certificate.CA{{Name: "main", Directory: g.url, Identities: []string{"main.lab"}, Roots: acmeca.Pool(roots)}}
	return g, kek, path
}

// job is what a worker process is told.
type job struct{ DSN, KEK, Directory, Roots string }

const jobVariable = "NAMEPLATE_TEST_CERTIFICATE_WORKER"

// TestWorkerProcess is no test: it is the worker that TestKilled_AtEveryRequest starts and kills.
func TestWorkerProcess(t *testing.T) {
	var j job
	if json.Unmarshal([]byte(os.Getenv(jobVariable)), &j) != nil {
		return
	}
	d, err := db.Open(t.Context(), j.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	kek, err := vault.LoadKEK("file:"+j.KEK, false)
	if err != nil {
		t.Fatal(err)
	}
	s := worker(d, kek, certificate.CA{Name: "main", Directory: j.Directory, Identities: []string{"main.lab"}, Roots: acmeca.Pool([]byte(j.Roots))})
	s.Work.Queues = []work.Queue{s.Queue()}
	if err := s.Work.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// worker is another process's share of an installation.
func worker(d *db.DB, kek vault.KEK, ca certificate.CA) *certificate.Service {
	door.Register()
	hub, v, runner := live.NewHub(nil), vault.New(d, kek), &work.Runner{DB: d}
	a := authz.New(d)
	ledger := &event.Ledger{DB: d, Hub: hub, Work: runner}
	return &certificate.Service{DB: d, Door: &door.Door{DB: d, Authz: a, Ledger: ledger, Vault: v, Hub: hub}, Authz: a, Vault: v, Work: runner,
		Connections: &connections{told: map[ident.ConnectionID][]connection.TLS{}}, Edge: &edgeentry.Service{DB: d, Hub: hub, Zone: "edge.lab"}, CAs: []certificate.CA{ca}}
}

// CE-3: a worker is killed (SIGKILL) after each request to the CA in turn, when the CA has done it and nobody heard. Another one takes over: the name has its
// certificate, the CA saw two orders for it at most, and no key is anywhere without its chain.
func TestKilled_AtEveryRequest(t *testing.T) {
	t.Parallel()
	i := install(t)
	g, _, kek := i.gated()
	told, err := json.Marshal(job{i.dsn, kek, g.url, string(g.roots)})
	if err != nil {
		t.Fatal(err)
	}
	points := 0
	for at := 1; ; at++ {
		host := fmt.Sprintf("kill%d.acme.lab", at)
		id := i.connect(host, certificate.HTTP01, true)
		i.publishRows()
		child := exec.Command(os.Args[0], "-test.run=^TestWorkerProcess$", "-test.timeout=60s")
		child.Env = append(os.Environ(), jobVariable+"="+string(told))
		killed, gone := make(chan struct{}), make(chan struct{})
		g.watch(func(n int, _ *http.Request) {
			if n == at {
				_ = child.Process.Kill()
				close(killed)
			}
		})
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		go func() { _ = child.Wait(); close(gone) }()
		done := false
		i.until(fmt.Sprintf("killed at request %d, or through", at), func() bool {
			select {
			case <-killed:
				return true
			default:
			}
			all := i.certificates(id)
			done = len(all) > 0 && all[0].Status == certificate.Issued
			return done
		})
		_ = child.Process.Kill()
		<-gone
		g.watch(nil)
		if !done {
			points++
			i.exec("update certificate set lease_until = now() - interval '1 second' where connection_id = $1 and lease_until is not null", id.UUID())
			i.drain()
		}
		c := i.certificates(id)[0]
		if c.Status != certificate.Issued {
			t.Fatalf("killed at request %d: %+v %+v", at, c, c.LastError)
		}
		if n := len(i.main.OrdersFor(host)); n < 1 || n > 2 {
			t.Errorf("killed at request %d: %d orders", at, n)
		}
		if _, err := i.certs.Load(t.Context(), c.ID); err != nil {
			t.Errorf("killed at request %d: %v", at, err)
		}
		var torn int
		if err := i.DB.QueryRow(t.Context(), "select count(*) from certificate where (chain_pem is null) <> (sealed_key is null)").Scan(&torn); err != nil || torn != 0 {
			t.Errorf("killed at request %d: %d keys without a chain, or chains without a key; %v", at, torn, err)
		}
		if done {
			break
		}
	}
	t.Logf("killed at %d points", points)
	if points < 8 {
		t.Errorf("an order has more requests than %d", points)
	}
}

// publishRows lets the ledger's readers plan what was asked for, and takes nothing else.
func (i *installation) publishRows() {
	i.t.Helper()
	runner := &work.Runner{DB: i.DB, Queues: []work.Queue{i.Ledger.Queue(), i.Ledger.Sweep()}}
	ctx, cancel := context.WithTimeout(i.t.Context(), 20*time.Second)
	defer cancel()
	if err := runner.Drain(ctx); err != nil {
		i.t.Fatal(err)
	}
}

// CE-3: a worker that was thought dead comes back in the middle of its order, when another one has finished. It writes nothing, and lets the CA sign nothing.
func TestFenced_AWorkerThatComesBack(t *testing.T) {
	t.Parallel()
	i := install(t)
	g, kek, _ := i.gated()
	late := worker(i.DB, kek, i.certs.CAs[0])
	id := i.connect("late.acme.lab", certificate.HTTP01, true)
	i.publishRows()
	q := late.Queue()
	var claims []work.Claim
	err := i.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		claims, err = q.Take(ctx, tx, "late", tx.Now.Add(10*time.Second), 1)
		return err
	})
	if err != nil || len(claims) != 1 {
		t.Fatal(claims, err)
	}
	asleep, awake := make(chan struct{}), make(chan struct{})
	var first atomic.Bool
	g.watch(func(_ int, r *http.Request) {
		if r.URL.Path == "/order-plz" && first.CompareAndSwap(false, true) {
			close(asleep)
			<-awake
		}
	})
	ended := make(chan error, 1)
	go func() { ended <- q.Run(t.Context(), claims[0]) }()
	<-asleep
	i.exec("update certificate set lease_until = now() - interval '1 second' where connection_id = $1", id.UUID())
	i.drain()
	done := i.certificates(id)
	if done[0].Status != certificate.Issued {
		t.Fatalf("%+v", done[0])
	}
	close(awake)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	after := i.certificates(id)
	signed := 0
	for _, o := range i.main.OrdersFor("late.acme.lab") {
		if o.Serial != "" {
			signed++
		}
	}
	if len(after) != 1 || *after[0].Serial != *done[0].Serial || after[0].LastError != nil || signed != 1 {
		t.Errorf("%d rows, %d signed, %+v", len(after), signed, after[0])
	}
	var left int
	if err := i.DB.QueryRow(t.Context(), "select count(*) from acme_challenge").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d challenges are left, %v", left, err)
	}
}
