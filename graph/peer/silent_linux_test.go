package peer

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// deafen has the system drop all that comes for a connection before it is looked at: nothing is acknowledged any more, as from a machine that lost its power.
func deafen(t *testing.T, c *net.TCPConn) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = syscall.AttachLsf(int(fd), []syscall.SockFilter{*syscall.LsfStmt(syscall.BPF_RET|syscall.BPF_K, 0)})
	})
	if errors.Is(failed, syscall.EPERM) {
		t.Skip("this user may not filter packets: run it as root")
	}
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
}

// A stream whose peer vanished without a word is ended by its comments, which nobody acknowledges, as a socket is by its silence; one that listens stays.
func TestHostile_StreamOfAPeerThatVanished(t *testing.T) {
	t.Parallel()
	h := open(t, Patience{Ping: 100 * time.Millisecond, Silence: time.Second})
	body := `{"query":"subscription { state }"}`
	begin := func() *net.TCPConn {
		c, err := net.Dial("tcp", strings.TrimPrefix(h.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		fmt.Fprintf(c, "POST /graphql HTTP/1.1\r\nHost: x\r\nTest-Caller: a\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		if line, err := io.ReadAll(io.LimitReader(c, 15)); err != nil || string(line) != "HTTP/1.1 200 OK" {
			t.Fatalf("%q %v", line, err)
		}
		return c.(*net.TCPConn)
	}
	begin() // reads nothing, and is there
	gone := begin()
	if h.Count() != 2 {
		t.Fatalf("%d are served", h.Count())
	}
	deafen(t, gone)
	for deadline := time.Now().Add(20 * time.Second); h.Count() > 1; <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("who vanished is still served")
		}
	}
	if h.Count() != 1 {
		t.Error("who only reads nothing was cut too")
	}
}
