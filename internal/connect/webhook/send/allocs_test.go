package send

import (
	"bufio"
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
)

// TestSend_CostsFewAllocations: what an attempt allocates, with the transport's part and without a receiver's, so that what was taken out does not creep back.
func TestSend_CostsFewAllocations(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r, body := bufio.NewReader(c), make([]byte, 2)
				for {
					line, err := r.ReadSlice('\n')
					if err != nil {
						return
					}
					if !bytes.Equal(line, []byte("\r\n")) {
						continue
					}
					if _, err := r.Read(body); err != nil {
						return
					}
					if _, err := c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")); err != nil {
						return
					}
				}
			}()
		}
	}()
	secret, _ := NewSecret()
	to, err := NewTarget("http://"+l.Addr().String()+"/hook", secret, secret)
	if err != nil {
		t.Fatal(err)
	}
	c := &Client{Outside: safehttp.Options{AllowLoopbackHTTP: true}, Timeout: 10 * time.Second, PerEndpoint: 4}
	defer c.outside().CloseIdleConnections()
	failed := 0
	n := testing.AllocsPerRun(500, func() {
		if a := c.Send(t.Context(), Request{To: to, ID: "evt_1", Body: []byte("{}"), At: time.Unix(1763683200, 0)}); a.Status != 200 {
			failed++
		}
	})
	t.Logf("%.0f allocations", n)
	if failed > 0 || n > 90 {
		t.Errorf("%.0f allocations for an attempt, %d attempts failed", n, failed)
	}
}
