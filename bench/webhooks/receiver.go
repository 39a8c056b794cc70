package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

// seen is what the receiver knows: how many messages, how many different ones, and when each that carries a number came first.
type seen struct {
	All, Different int
	Arrivals       map[string]int64 // UnixNano
}

// inbox counts what arrives at all addresses.
type inbox struct {
	mu  sync.Mutex
	ids map[string]bool
	seen
}

func (b *inbox) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ids, b.seen = map[string]bool{}, seen{Arrivals: map[string]int64{}}
}

func (b *inbox) put(to string, id, body []byte, at time.Time) {
	var number []byte
	if _, after, ok := bytes.Cut(body, []byte(`"hostname":"n`)); ok {
		number, _, _ = bytes.Cut(after, []byte("."))
	}
	key := to + string(id)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.All++
	if !b.ids[key] {
		b.ids[key] = true
		b.Different++
	}
	if _, twice := b.Arrivals[string(number)]; len(number) > 0 && !twice {
		b.Arrivals[string(number)] = at.UnixNano()
	}
}

// receive is the process that gets the messages: it listens on the endpoints' addresses, and answers its own counts on another. It reads HTTP/1.1 by hand,
// because a receiver of net/http costs more than what is measured.
func receive(context.Context) error {
	var servers int
	in := bufio.NewReader(os.Stdin)
	if _, err := fmt.Fscanln(in, &servers); err != nil {
		return err
	}
	b := &inbox{}
	b.reset()
	var urls []string
	for n := range servers + 1 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.%d.%d:0", 1+n/200, 1+n%200))
		if err != nil {
			return err
		}
		urls = append(urls, "http://"+l.Addr().String())
		if n == 0 {
			go func() { _ = http.Serve(l, b) }()
			continue
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go b.serve(c, l.Addr().String())
			}
		}()
	}
	if err := json.NewEncoder(os.Stdout).Encode(urls); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, in) // until whoever started it is gone
	return err
}

// ServeHTTP answers the counts, or forgets them.
func (b *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		b.reset()
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.seen
	if r.URL.Path != "/arrivals" {
		out.Arrivals = nil
	}
	_ = json.NewEncoder(w).Encode(out)
}

func (b *inbox) serve(c net.Conn, to string) {
	defer c.Close()
	r := bufio.NewReader(c)
	var body, id []byte
	for {
		length := 0
		for first := true; ; first = false {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return
			}
			if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 && !first {
				break
			}
			name, value, _ := bytes.Cut(line, []byte(": "))
			switch {
			case bytes.EqualFold(name, []byte("content-length")):
				length, _ = strconv.Atoi(string(value))
			case bytes.EqualFold(name, []byte("webhook-id")):
				id = append(id[:0], value...)
			}
		}
		if cap(body) < length {
			body = make([]byte, length)
		}
		body = body[:length]
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		b.put(to, id, body, time.Now())
		if _, err := c.Write(append(time.Now().UTC().AppendFormat([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: "), http.TimeFormat), "\r\n\r\n"...)); err != nil {
			return
		}
	}
}

// receiver is that process, seen from outside.
type receiver struct {
	*child
	urls    []string
	control string
}

func startReceiver(ctx context.Context, servers int) (*receiver, error) {
	c, err := spawn(ctx, "role:receiver", servers)
	if err != nil {
		return nil, err
	}
	r := &receiver{child: c}
	if err := c.read(&r.urls); err != nil {
		return nil, err
	}
	r.control, r.urls = r.urls[0], r.urls[1:]
	return r, nil
}

func (r *receiver) seen(path string) (s seen, err error) {
	res, err := http.Get(r.control + path)
	if err != nil {
		return s, err
	}
	defer res.Body.Close()
	return s, json.NewDecoder(res.Body).Decode(&s)
}

func (r *receiver) forget() error {
	res, err := http.Post(r.control, "", nil)
	if err != nil {
		return err
	}
	return res.Body.Close()
}
