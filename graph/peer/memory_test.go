package peer

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"testing"
	"time"
)

// most is what one subscriber that waits may cost in all: socket, operation and feed.
const most = 16 << 10

// TestMemory_OfAnIdleSubscriber counts heap and stacks of 2,000 sockets with a subscription each. Their clients are in the same process, as bare
// connections without a goroutine or buffer.
func TestMemory_OfAnIdleSubscriber(t *testing.T) {
	const many = 2000
	h := open(t, Patience{})
	address, _ := url.Parse(h.URL)
	before, goroutines := occupied(), runtime.NumGoroutine()
	all := make([]net.Conn, many)
	for n := range all {
		all[n] = subscribed(t, address.Host, fmt.Sprint(n))
	}
	after := occupied()
	held := (after.heap + after.stacks - before.heap - before.stacks) / many
	t.Logf("%d octets (stacks %d) and %.2f goroutines a subscriber", held, (after.stacks-before.stacks)/many, float64(runtime.NumGoroutine()-goroutines)/many)
	if held > most {
		t.Errorf("a subscriber holds %d octets", held)
	}
	for _, c := range all {
		c.Close()
	}
	for deadline := time.Now().Add(20 * time.Second); h.Count() > 0; <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d sockets are left", h.Count())
		}
	}
}

type occupation struct{ heap, stacks uint64 }

// occupied is the memory of the heap and the stacks after collections, which shrink stacks too.
func occupied() occupation {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return occupation{m.HeapAlloc, m.StackInuse}
}

// subscribed is a client that has the first message of its subscription.
func subscribed(t *testing.T, host, name string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(c, "GET /graphql HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: %s\r\n\r\n", protocol)
	in := bufio.NewReader(c)
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v %v", res, err)
	}
	for _, text := range []string{`{"type":"connection_init","payload":{"authorization":"Bearer ` + name + `"}}`, `{"type":"subscribe","id":"1","payload":{"query":"subscription { state }"}}`} {
		frame := append(binary.BigEndian.AppendUint16([]byte{0x81, 0x80 | 126}, uint16(len(text))), 0, 0, 0, 0) // masked with zeros
		if _, err := c.Write(append(frame, text...)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the acknowledgement and the state
		head, err := in.Peek(2)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.Discard(2 + int(head[1])); err != nil {
			t.Fatal(err)
		}
	}
	_ = c.SetDeadline(time.Time{})
	return c
}
