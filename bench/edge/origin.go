package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
)

// sizes are the answers of the origin by path.
var sizes = map[string]int{"/1k": 1 << 10, "/64k": 64 << 10, "/10m": 10 << 20}

// origin answers as cheaply as it can: whole answers that are ready, without net/http.
func origin(ctx context.Context) error {
	ready := map[string][]byte{}
	for path, size := range sizes {
		head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: private\r\nContent-Length: %d\r\n\r\n", size)
		ready[path] = append([]byte(head), bytes.Repeat([]byte("x"), size)...)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = l.Close() })
	if err := json.NewEncoder(os.Stdout).Encode(l.Addr().String()); err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return nil
		}
		go func() {
			defer c.Close()
			in := bufio.NewReader(c)
			for {
				path, key, err := request(in)
				if err != nil {
					return
				}
				if key != "" {
					echo(c, in, key)
					return
				}
				if _, err := c.Write(ready[path]); err != nil || ready[path] == nil {
					return
				}
			}
		}()
	}
}

// request reads a head; key is that of an upgrade to WebSocket.
func request(in *bufio.Reader) (path, key string, err error) {
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return "", "", err
		}
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case first:
			fields := strings.Fields(string(line))
			if len(fields) != 3 {
				return "", "", io.ErrUnexpectedEOF
			}
			path = fields[1]
		case len(line) == 0:
			return path, key, nil
		case len(line) > 18 && strings.EqualFold(string(line[:18]), "sec-websocket-key:"):
			key = strings.TrimSpace(string(line[18:]))
		}
	}
}

// echo sends each short masked frame back without its mask.
func echo(c net.Conn, in *bufio.Reader, key string) {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	_, _ = fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(sum[:]))
	frame := make([]byte, 6+125)
	for {
		if _, err := io.ReadFull(in, frame[:6]); err != nil {
			return
		}
		size := int(frame[1] & 0x7f)
		if size > 125 {
			return
		}
		if _, err := io.ReadFull(in, frame[6:6+size]); err != nil {
			return
		}
		out := append(make([]byte, 0, 2+size), frame[0], byte(size))
		for k := range size {
			out = append(out, frame[6+k]^frame[2+k%4])
		}
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}
