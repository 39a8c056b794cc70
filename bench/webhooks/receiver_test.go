package webhooks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// asReceiver makes this program the receiver: servers on loopback that count what arrives, in a process of their own.
const asReceiver = "NAMEPLATE_BENCH_RECEIVER"

func TestMain(m *testing.M) {
	if n, err := strconv.Atoi(os.Getenv(asReceiver)); err == nil {
		receive(n)
		return
	}
	os.Exit(m.Run())
}

// receiver is the process that gets the messages.
type receiver struct {
	urls    []string
	control string
}

// counted is what the receiver knows: how many messages, how many different ones, and when each that carries a number came first.
type counted struct {
	All, Different int
	Arrivals       map[string]int64 // UnixNano
	CPU            float64          // seconds of the receiver's process
}

func startReceiver(b *testing.B, servers int) *receiver {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	c := exec.Command(self)
	c.Env = append(os.Environ(), asReceiver+"="+strconv.Itoa(servers))
	stdin, err := c.StdinPipe() // it ends when this closes
	if err != nil {
		b.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { stdin.Close(); _ = c.Wait() })
	r := &receiver{}
	if err := json.NewDecoder(out).Decode(&r.urls); err != nil {
		b.Fatal(err)
	}
	r.control, r.urls = r.urls[0], r.urls[1:]
	return r
}

func (r *receiver) counted(b *testing.B) (c counted) {
	b.Helper()
	res, err := http.Get(r.control)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&c); err != nil {
		b.Fatal(err)
	}
	return c
}

func (r *receiver) forget(b *testing.B) {
	b.Helper()
	res, err := http.Post(r.control, "", nil)
	if err != nil {
		b.Fatal(err)
	}
	res.Body.Close()
}

func receive(servers int) {
	var mu sync.Mutex
	var c counted
	seen := map[string]bool{}
	reset := func() { c, seen = counted{Arrivals: map[string]int64{}}, map[string]bool{} }
	reset()
	hook := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := time.Now().UnixNano()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		c.All++
		if id := r.Header.Get("Webhook-Id") + r.Host; !seen[id] {
			seen[id] = true
			c.Different++
		}
		if _, after, ok := bytes.Cut(body, []byte(`"hostname":"n`)); ok {
			number, _, _ := bytes.Cut(after, []byte("."))
			if _, twice := c.Arrivals[string(number)]; !twice {
				c.Arrivals[string(number)] = at
			}
		}
	})
	control := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.Method == http.MethodPost {
			reset()
			return
		}
		c.CPU = cpu("self")
		_ = json.NewEncoder(w).Encode(c)
	})
	var urls []string
	for n := range servers + 1 {
		h, ip := http.Handler(hook), fmt.Sprintf("127.0.%d.%d", 1+n/200, 1+n%200)
		if n == 0 {
			h = control
		}
		l, err := net.Listen("tcp", ip+":0")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		go func() { _ = http.Serve(l, h) }()
		urls = append(urls, "http://"+l.Addr().String())
	}
	_ = json.NewEncoder(os.Stdout).Encode(urls)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// cpu is how many seconds a process and its ended children have used (proc(5), stat).
func cpu(pid string) float64 {
	raw, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	sum := 0.0
	for _, f := range fields[11:15] { // utime stime cutime cstime
		n, _ := strconv.ParseFloat(f, 64)
		sum += n
	}
	return sum / 100
}

// spent is the CPU of the engine, the receiver, and PostgreSQL with its backends.
func spent(b *testing.B, g *rig, r *receiver) [3]float64 {
	b.Helper()
	var pid int
	if err := g.DB.QueryRow(b.Context(), "select pg_backend_pid()").Scan(&pid); err != nil {
		b.Fatal(err)
	}
	parent := func(pid string) string {
		raw, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			return ""
		}
		return strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))[1]
	}
	server := parent(strconv.Itoa(pid))
	sum := cpu(server)
	all, err := os.ReadDir("/proc")
	if err != nil {
		b.Fatal(err)
	}
	for _, p := range all {
		if _, err := strconv.Atoi(p.Name()); err == nil && parent(p.Name()) == server {
			sum += cpu(p.Name())
		}
	}
	return [3]float64{cpu("self"), r.counted(b).CPU, sum}
}
