package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// wire leads to the product, and can be cut.
type wire struct {
	net.Listener
	to string

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l, to: to, conns: map[net.Conn]bool{}}
	t.Cleanup(func() { l.Close(); w.set(true) })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go w.join(c)
		}
	}()
	return w
}

func (w *wire) join(c net.Conn) {
	defer c.Close()
	up, err := net.Dial("tcp", w.to)
	if err != nil {
		return
	}
	defer up.Close()
	w.mu.Lock()
	if w.cut {
		w.mu.Unlock()
		return
	}
	w.conns[c], w.conns[up] = true, true
	w.mu.Unlock()
	go func() { _, _ = io.Copy(up, c); up.Close() }()
	_, _ = io.Copy(c, up)
}

// set cuts the wire, or mends it.
func (w *wire) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	for c := range w.conns {
		c.Close()
	}
	clear(w.conns)
}

// heardLine is a line of nameplate webhooks listen --json.
type heardLine struct {
	Event, Application, Secret, Error    string
	WebhookID, Topic, Hostname           string
	Status, LatencyMs, Forwarded, Failed int
	Body                                 json.RawMessage
}

// listening is a running nameplate webhooks listen.
type listening struct {
	t     *testing.T
	cmd   *exec.Cmd
	ended chan error

	mu    sync.Mutex
	lines []heardLine
	errs  bytes.Buffer
}

func startListening(t *testing.T, bin string, env []string, args ...string) *listening {
	t.Helper()
	l := &listening{t: t, cmd: exec.Command(bin, append([]string{"webhooks", "listen", "--json"}, args...)...), ended: make(chan error, 1)}
	l.cmd.Env, l.cmd.Stderr = env, &l.errs
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var h heardLine
			if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
				h.Event = "no JSON: " + lines.Text()
			}
			l.mu.Lock()
			l.lines = append(l.lines, h)
			l.mu.Unlock()
		}
		l.ended <- l.cmd.Wait()
	}()
	t.Cleanup(func() { _ = l.cmd.Process.Kill() })
	return l
}

// events are the lines that tell of the connection.
func (l *listening) events() (names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.lines {
		if h.Event != "" {
			names = append(names, h.Event)
		}
	}
	return names
}

func (l *listening) last() heardLine {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) == 0 {
		return heardLine{}
	}
	return l.lines[len(l.lines)-1]
}

// localServer is what a developer runs: it verifies each message with the public library, and can be told to fail.
type localServer struct {
	*httptest.Server
	mu     sync.Mutex
	secret string
	status int
	got    []string // webhook-ids
	bodies map[string]string
	wrong  []string
}

func newLocalServer(t *testing.T) *localServer {
	s := &localServer{status: 200, bodies: map[string]string{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		wh, err := standardwebhooks.NewWebhook(s.secret)
		if err == nil {
			err = wh.Verify(body, r.Header)
		}
		if err != nil || r.URL.Path != "/hooks" || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			s.wrong = append(s.wrong, fmt.Sprintf("%s %s: %v", r.Method, r.URL.Path, err))
		}
		id := r.Header.Get("Webhook-Id")
		s.got, s.bodies[id] = append(s.got, id), string(body)
		w.WriteHeader(s.status)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *localServer) answer(status int) { s.mu.Lock(); s.status = status; s.mu.Unlock() }

// hosts counts the messages of a topic by domain.
func (s *localServer) about(topic, host string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, body := range s.bodies {
		if strings.Contains(body, `"type":"`+topic+`"`) && strings.Contains(body, `"`+host+`"`) {
			n++
		}
	}
	return n
}

// TestWebhooksListen: the real command brings the webhooks of a TEST application to a local port, signed, in order, also over a connection that is cut, and each
// message once; what an endpoint is sent, and nothing else.
func TestWebhooksListen(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	bin := build(t, "nameplate")
	var made struct {
		CreateApplication struct{ Application struct{ ID, Slug string } }
	}
	h.Must(`mutation($in: CreateApplicationInput!) { createApplication(input: $in) { application { id slug } } }`,
		map[string]any{"in": map[string]any{"organizationId": h.Addresses.OrganizationID, "name": "Sandbox", "environment": "TEST"}}, &made)
	app := made.CreateApplication.Application
	h.Must(`mutation($in: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $in) { endpoint { id } } }`,
		map[string]any{"in": map[string]any{"organizationId": h.Addresses.OrganizationID, "applicationId": app.ID, "url": strings.TrimSuffix(h.Lab.Addresses.Hooks, "/") + "/sandbox", "topics": []string{"*"}}}, new(struct{}))
	start := func(app, host string) {
		t.Helper()
		h.Must(`mutation($in: StartConnectionInput!) { startConnection(input: $in) { created } }`, map[string]any{"in": map[string]any{"applicationId": app, "hostname": host}}, new(struct{}))
	}
	at, err := url.Parse(h.Addresses.GraphQL)
	if err != nil {
		t.Fatal(err)
	}
	wire := newWire(t, at.Host)
	local := newLocalServer(t)
	env := environment("NAMEPLATE=http://"+wire.Addr().String(), "NAMEPLATE_KEY="+h.Addresses.APIKey)

	start(app.ID, "before.acme.lab") // nobody listens yet
	l := startListening(t, bin, env, "--forward", local.URL+"/hooks")
	h.Until("it listens", 20*time.Second, func() (bool, string) { return len(l.events()) >= 2, fmt.Sprint(l.events(), l.errs.String()) })
	l.mu.Lock()
	ready := l.lines[0]
	l.mu.Unlock()
	if ready.Event != "ready" || ready.Application != app.ID || !strings.HasPrefix(ready.Secret, "whsec_") {
		t.Fatalf("it begins with %+v", ready)
	}
	local.mu.Lock()
	local.secret = ready.Secret
	local.mu.Unlock()

	start(app.ID, "one.acme.lab")
	start(h.Addresses.ApplicationID, "live.acme.lab") // of the LIVE application
	h.Until("the first message", 20*time.Second, func() (bool, string) {
		return local.about("connection.created", "one.acme.lab") == 1, fmt.Sprint(l.last())
	})

	wire.set(true)
	h.Until("it misses the server", 60*time.Second, func() (bool, string) {
		return strings.Contains(strings.Join(l.events(), " "), "lost"), fmt.Sprint(l.events())
	})
	start(app.ID, "two.acme.lab")
	start(app.ID, "three.acme.lab")
	local.answer(500)
	wire.set(false)
	h.Until("what was missed", 60*time.Second, func() (bool, string) {
		return local.about("connection.created", "two.acme.lab") == 1 && local.about("connection.created", "three.acme.lab") == 1, fmt.Sprint(l.events(), l.last())
	})
	h.Until("the failure is shown", 20*time.Second, func() (bool, string) { return l.last().Status == 500, fmt.Sprint(l.last()) })
	local.answer(200)

	// The endpoint's log is the other list: both agree.
	h.Until("both lists agree", 60*time.Second, func() (bool, string) {
		endpoint := map[string]string{}
		for _, r := range h.Lab.Hooks.Requests("/sandbox") {
			if !strings.Contains(r.Body, "before.acme.lab") {
				endpoint[r.Headers.Get("webhook-id")] = r.Body
			}
		}
		local.mu.Lock()
		defer local.mu.Unlock()
		mine := 0
		for id, body := range local.bodies {
			if strings.Contains(body, "before.acme.lab") {
				continue // what a check found after somebody listened
			}
			if mine++; toldAs(endpoint[id]) != toldAs(body) {
				return false, fmt.Sprintf("%s is %q to the endpoint and %q here", id, endpoint[id], body)
			}
		}
		return mine == len(endpoint) && mine >= 3, fmt.Sprintf("%d here, %d at the endpoint", mine, len(endpoint))
	})
	local.mu.Lock()
	if len(local.wrong) > 0 || len(local.got) != len(local.bodies) {
		t.Errorf("wrong: %v; %d requests of %d messages", local.wrong, len(local.got), len(local.bodies))
	}
	forwarded := len(local.got)
	local.mu.Unlock()
	if local.about("connection.created", "live.acme.lab") != 0 || local.about("connection.created", "before.acme.lab") != 0 {
		t.Error("it forwards what it should not")
	}

	_ = l.cmd.Process.Signal(syscall.SIGINT)
	select {
	case err := <-l.ended:
		if last := l.last(); err != nil || last.Event != "stopped" || last.Forwarded < forwarded || last.Failed == 0 {
			t.Errorf("it ended with %v and %+v", err, last)
		}
	case <-time.After(15 * time.Second):
		t.Fatal("Ctrl-C does not end it")
	}
	if s := l.errs.String(); s != "" {
		t.Errorf("it complained: %s", s)
	}
	again := startListening(t, bin, env, "--forward", local.URL+"/hooks", "--application", app.Slug)
	h.Until("it listens again", 20*time.Second, func() (bool, string) {
		return len(again.events()) >= 2, fmt.Sprint(again.events(), again.errs.String())
	})
	again.mu.Lock()
	if again.lines[0].Secret != ready.Secret {
		t.Error("the secret has changed")
	}
	again.mu.Unlock()
	owner, _ := h.Key(nil)
	if a := h.AskAs(owner.Bearer, `mutation($id: ID!) { deleteApiKey(id: $id) { ok } }`, map[string]any{"id": keyOf(h)}); len(a.Faults) > 0 {
		t.Fatalf("%s", a.Raw)
	}
	select {
	case err := <-again.ended:
		if err == nil || !strings.Contains(again.errs.String(), "API key is refused") {
			t.Errorf("it ended with %v: %s", err, again.errs.String())
		}
	case <-time.After(20 * time.Second):
		t.Error("it goes on without a key")
	}
}

// toldAs is what a body says of its event. What else it says of the connection is as it was when the body was made: an endpoint's is made once, and kept.
func toldAs(body string) string {
	var b struct {
		Type, Timestamp string
		Data            struct {
			Sequence   int64
			Connection struct{ ID, Hostname string }
		}
	}
	_ = json.Unmarshal([]byte(body), &b)
	return fmt.Sprint(b)
}

// keyOf is the id of the stage's key.
func keyOf(h *harness.House) string {
	var list struct {
		APIKeys struct {
			Nodes []struct{ ID, LastFour string }
		}
	}
	h.Must(`{ apiKeys { nodes { id lastFour } } }`, nil, &list)
	for _, k := range list.APIKeys.Nodes {
		if strings.HasSuffix(h.Addresses.APIKey, k.LastFour) {
			return k.ID
		}
	}
	return ""
}

// TestHostile_Listen: what cannot work says at once why, and what would.
func TestHostile_Listen(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	bin := build(t, "nameplate")
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	stranger := h.Tenant("stranger")
	for name, c := range map[string]struct {
		args []string
		key  string
		code int
		says []string
	}{
		"Help":        {[]string{"--help"}, "", 0, []string{"--forward", "--application", "NAMEPLATE_KEY", "Exit codes"}},
		"NoForward":   {nil, h.Addresses.APIKey, 2, []string{"--forward http://localhost:3000/hooks"}},
		"NoKey":       {[]string{"--forward", "3000"}, "", 2, []string{"NAMEPLATE_KEY"}},
		"NotAKey":     {[]string{"--forward", "3000"}, "secret-" + sentinel, 2, []string{"npk_"}},
		"BadForward":  {[]string{"--forward", "ftp://localhost/"}, h.Addresses.APIKey, 2, []string{"localhost:3000/hooks"}},
		"Password":    {[]string{"--forward", "http://me:" + sentinel[:4] + "@localhost/"}, h.Addresses.APIKey, 2, []string{"localhost:3000/hooks"}},
		"BadServer":   {[]string{"--forward", "3000", "--server", "nowhere"}, h.Addresses.APIKey, 2, []string{"--server"}},
		"BadSecret":   {[]string{"--forward", "3000", "--secret", "whsec_x"}, h.Addresses.APIKey, 2, []string{"--secret", "24"}},
		"BadFlag":     {[]string{"--forwad", "3000"}, h.Addresses.APIKey, 2, []string{"forwad"}},
		"TooMany":     {[]string{"--forward", "3000", "more"}, h.Addresses.APIKey, 2, []string{"more"}},
		"Live":        {[]string{"--forward", "3000", "--application", h.Addresses.ApplicationID}, h.Addresses.APIKey, 1, []string{"LIVE application", "endpoint"}},
		"Unknown":     {[]string{"--forward", "3000", "--application", "nothing"}, h.Addresses.APIKey, 1, []string{`"nothing"`}},
		"None":        {[]string{"--forward", "3000"}, h.Addresses.APIKey, 1, []string{"--application", "TEST application"}},
		"Foreign":     {[]string{"--forward", "3000", "--application", h.Addresses.ApplicationID}, stranger.Key.Bearer, 1, []string{"no application"}},
		"RefusedKey":  {[]string{"--forward", "3000"}, "npk_" + strings.Repeat("x", 40), 1, []string{"API key is refused"}},
		"NoNameplate": {[]string{"--forward", "3000", "--server", other.URL}, h.Addresses.APIKey, 1, []string{"is no Nameplate"}},
		"NoServer":    {[]string{"--forward", "3000", "--server", "http://127.0.0.1:1"}, h.Addresses.APIKey, 1, []string{"does not answer"}},
		"Verb":        {nil, "", 2, []string{"listen"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"webhooks", "listen"}, c.args...)
			if name == "Verb" {
				args = []string{"webhooks", "speak"}
			}
			code, out := call(t, bin, environment("NAMEPLATE="+h.Addresses.Console, "NAMEPLATE_KEY="+c.key), args...)
			if code != c.code {
				t.Errorf("exit code %d, want %d: %s", code, c.code, out)
			}
			for _, s := range c.says {
				if !strings.Contains(out, s) {
					t.Errorf("it does not say %q: %s", s, out)
				}
			}
			if strings.Contains(out, sentinel) || strings.Contains(out, h.Addresses.APIKey) || strings.Contains(out, "goroutine ") {
				t.Errorf("it says what it should not: %s", out)
			}
		})
	}
}
