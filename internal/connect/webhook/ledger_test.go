package webhook

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook/message"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
)

const (
	workerDatabase = "NAMEPLATE_TEST_WORKER_DATABASE"
	workerKEK      = "NAMEPLATE_TEST_WORKER_KEK"
)

// TestWorkerProcess is no test: it is what the tests below run as a process of its own, which they kill and freeze.
func TestWorkerProcess(t *testing.T) {
	if os.Getenv(workerDatabase) == "" {
		t.Skip("run by the ledger tests")
	}
	d, err := db.Open(t.Context(), os.Getenv(workerDatabase), db.MaxConns(10))
	if err != nil {
		t.Fatal(err)
	}
	kek, err := vault.LoadKEK(os.Getenv(workerKEK), false)
	if err != nil {
		t.Fatal(err)
	}
	door.Register()
	hub, runner := live.NewHub(nil), &work.Runner{DB: d}
	ledger := &event.Ledger{DB: d, Hub: hub, Work: runner}
	s := &Service{DB: d, Authz: authz.New(d), Vault: vault.New(d, kek), Hub: hub, Work: runner, Outside: safehttp.Options{AllowLoopbackHTTP: true}, Timeout: 10 * time.Second}
	s.Door = &door.Door{DB: d, Authz: s.Authz, Ledger: ledger, Vault: s.Vault, Hub: hub}
	ledger.Readers = s.Part().Readers
	runner.Queues = append(s.Part().Queues, ledger.Sweep())
	ctx, cancel := context.WithCancel(t.Context())
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); cancel() }() // whoever started it is gone
	_ = runner.Run(ctx)
}

// crew starts workers of the bundle's database in processes of their own.
type crew struct {
	*bundle
	env []string
}

func newCrew(t *testing.T) *crew {
	b := setup(t)
	b.DB.SetClock(time.Now)
	key := make([]byte, 32)
	rand.Read(key)
	file := filepath.Join(t.TempDir(), "kek")
	if err := os.WriteFile(file, []byte("k1:"+base64.StdEncoding.EncodeToString(key)), 0o600); err != nil {
		t.Fatal(err)
	}
	kek, err := vault.LoadKEK("file:"+file, false)
	if err != nil {
		t.Fatal(err)
	}
	b.s.Vault = vault.New(b.DB, kek)
	b.Door.Vault = b.s.Vault
	return &crew{b, append(os.Environ(), workerDatabase+"="+b.DB.Pool().Config().ConnString(), workerKEK+"=file:"+file)}
}

// hire starts a worker; its end is waited for by the returned function, which kills it if need be.
func (c *crew) hire() (p *os.Process, end func()) {
	c.t.Helper()
	self, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run", "^TestWorkerProcess$")
	cmd.Env = c.env
	alive, err := cmd.StdinPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	return cmd.Process, sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		alive.Close()
	})
}

// outside is the receiver's own list: which messages it has answered 2xx, how often, and whether a connection ever went back.
type outside struct {
	mu    sync.Mutex
	tried map[string]bool
	got   map[string]int
	last  map[string]int64
	back  int
}

func (o *outside) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body message.Body[message.ConnectionData]
	if json.NewDecoder(r.Body).Decode(&body) != nil {
		w.WriteHeader(400)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	id, con := r.URL.Path+" "+body.Data.Connection.Hostname, r.URL.Path+" "+body.Data.Connection.ID.String()
	if first := !o.tried[id]; first {
		o.tried[id] = true
		if body.Data.Sequence%40 == 0 && r.URL.Path == "/sometimes" { // fails once
			w.WriteHeader(500)
			return
		}
		if r.URL.Path == "/ordered" && body.Data.Sequence <= o.last[con] {
			o.back++
		}
		o.last[con] = max(o.last[con], body.Data.Sequence)
	}
	o.got[id]++
}

// TestLedger_NothingIsLostInTenKills: what was acknowledged, what arrived and what the tables say agree, although a worker is killed every two seconds.
func TestLedger_NothingIsLostInTenKills(t *testing.T) {
	c := newCrew(t)
	o := &outside{tried: map[string]bool{}, got: map[string]int{}, last: map[string]int64{}}
	server := httptest.NewServer(o)
	defer server.Close()
	paths := []string{"/ordered", "/free", "/sometimes"}
	for n, path := range paths {
		c.create(CreateWebhookEndpointInput{OrganizationID: c.Org, URL: server.URL + path, Topics: []string{"*"}, Ordered: new(n == 0)})
	}
	var connections []ident.ConnectionID
	for n := range 20 {
		connections = append(connections, c.connection(c.Org, c.app, fmt.Sprintf("c%d.example.com", n)))
	}
	_, endA := c.hire()
	_, endB := c.hire()
	ends := []func(){endA, endB}
	defer func() { ends[0](); ends[1]() }()

	var acknowledged []string
	var kills sync.WaitGroup
	stop := make(chan struct{})
	kills.Go(func() {
		defer close(stop)
		for n := range 10 {
			<-time.After(2 * time.Second)
			ends[n%2]()
			_, ends[n%2] = c.hire()
		}
	})
	rate := time.NewTicker(15 * time.Millisecond)
	defer rate.Stop()
	for n, going := 0, true; going; n++ {
		name := fmt.Sprintf("n%d.example.com", n)
		c.happen(connections[n%len(connections)], "connection.verifying", `{"v":1,"hostname":"`+name+`"}`) // it has committed, or the test ends
		acknowledged = append(acknowledged, name)
		select {
		case <-stop:
			going = false
		case <-rate.C:
		}
	}
	kills.Wait()
	want := len(acknowledged) * len(paths)
	var done, answered int
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(60 * time.Second); done < want && time.Now().Before(end); <-look.C {
		if err := c.DB.QueryRow(t.Context(), "select count(*) from webhook_delivery where state = 'SUCCEEDED'").Scan(&done); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.DB.QueryRow(t.Context(), "select count(distinct delivery_id) from webhook_attempt where status = 200").Scan(&answered); err != nil {
		t.Fatal(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	twice := 0
	for _, name := range acknowledged {
		for _, path := range paths {
			n := o.got[path+" "+name]
			if n == 0 {
				t.Fatalf("%s was acknowledged and did not arrive at %s", name, path)
			}
			twice += n - 1
		}
	}
	if done != want || answered != want || len(o.got) != want {
		t.Fatalf("%d were acknowledged, %d arrived, %d are SUCCEEDED, %d have an answer of 200", want, len(o.got), done, answered)
	}
	if o.back > 0 {
		t.Fatalf("%d messages came after a later one of their connection", o.back)
	}
	if twice > want/100+100 { // one in a hundred; and on a machine that others load, ten for each kill: what was answered and not yet written
		t.Fatalf("%d of %d came twice", twice, want)
	}
	t.Logf("%d messages, %d of them twice", want, twice)
}

// TestLedger_AFrozenWorkersLateResultIsDropped: a worker is frozen for 20 s while its request is answered 500. Another takes over and delivers; what the first
// one writes when it wakes changes nothing.
func TestLedger_AFrozenWorkersLateResultIsDropped(t *testing.T) {
	c := newCrew(t)
	entered, release := make(chan struct{}, 10), make(chan struct{})
	k := receiver(t, func(w http.ResponseWriter, _ *http.Request) { entered <- struct{}{}; <-release; w.WriteHeader(500) }, status(200))
	r := c.endpoint(k.URL, "*")
	first, endFirst := c.hire()
	defer endFirst()
	c.happen(c.con, "connection.verifying", `{"v":1}`)
	arrived := func(what string) {
		t.Helper()
		select {
		case <-entered:
		case <-time.After(40 * time.Second):
			t.Fatal(what)
		}
	}
	arrived("nothing was sent")
	if err := first.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	frozen := time.Now()
	close(release)
	_, endSecond := c.hire()
	defer endSecond()
	states := func(id int, want WebhookDeliveryState) {
		t.Helper()
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for end := time.Now().Add(40 * time.Second); ; <-tick.C {
			if list := c.log(r.Endpoint.ID); len(list) > id && list[id].State == want {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("delivery %d is not %s: %+v", id, want, c.log(r.Endpoint.ID))
			}
		}
	}
	states(0, Succeeded)
	t.Logf("taken over %s after the freeze", time.Since(frozen).Round(100*time.Millisecond))
	<-time.After(20*time.Second - time.Since(frozen))
	if err := first.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	endSecond() // from now on only the first one works
	c.happen(c.con, "connection.live", `{"v":1}`)
	states(1, Succeeded)
	d := c.log(r.Endpoint.ID)[0]
	if tries := c.attempts(d.ID); d.State != Succeeded || len(tries) != 1 || *tries[0].Status != 200 {
		t.Fatalf("the late result was written: %+v, %d attempts", d, len(tries))
	}
	if n := len(k.all()); n != 3 {
		t.Fatalf("%d requests", n)
	}
}
