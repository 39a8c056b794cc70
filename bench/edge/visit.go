package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// visit is an open connection of a client. It speaks HTTP/1.1 by hand: what the client costs is taken from the same cores.
type visit struct {
	*tls.Conn
	in  *bufio.Reader
	out []byte
}

const fields = "Host: " + host + "\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\nAccept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\nCookie: session=0123456789abcdef0123456789abcdef\r\n"

func visitTo(address, path string) (*visit, error) {
	raw, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return nil, err
	}
	_ = raw.SetDeadline(time.Now().Add(5 * time.Minute))
	c := tls.Client(raw, config)
	if err := c.Handshake(); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return &visit{c, bufio.NewReaderSize(c, 16<<10), []byte("GET " + path + " HTTP/1.1\r\n" + fields + "\r\n")}, nil
}

var config = visitor()

// get sends the request and reads the answer, which must be the origin's.
func (v *visit) get(size int) error {
	if _, err := v.Write(v.out); err != nil {
		return err
	}
	length := -1
	for first := true; ; first = false {
		line, err := v.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		line = bytes.TrimRight(line, "\r\n")
		if first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
			return fmt.Errorf("answered %q", line)
		}
		if len(line) == 0 {
			break
		}
		if len(line) > 15 && bytes.EqualFold(line[:15], []byte("content-length:")) {
			length, _ = strconv.Atoi(string(bytes.TrimSpace(line[15:])))
		}
	}
	if length != size {
		return fmt.Errorf("%d octets came instead of %d", length, size)
	}
	for size > 0 {
		n, err := v.in.Discard(min(size, v.in.Size()))
		if size -= n; err != nil {
			return err
		}
	}
	return nil
}

// socketTo opens a WebSocket.
func socketTo(address string) (*visit, error) {
	v, err := visitTo(address, "/ws")
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(v, "GET /ws HTTP/1.1\r\n"+fields+"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"); err != nil {
		return nil, err
	}
	for first := true; ; first = false {
		line, err := v.in.ReadString('\n')
		if err != nil || first && line[9:12] != "101" {
			_ = v.Close()
			return nil, fmt.Errorf("the upgrade was answered with %q: %w", line, err)
		}
		if line == "\r\n" {
			return v, nil
		}
	}
}

var (
	message = append([]byte{0x81, 0x80 | 32, 1, 2, 3, 4}, bytes.Repeat([]byte{'a'}, 32)...)
	answer  = make([]byte, 2+32)
)

// turn sends a message of 32 octets and waits until it is back.
func (v *visit) turn(into []byte) error {
	if _, err := v.Write(message); err != nil {
		return err
	}
	if _, err := io.ReadFull(v.in, into); err != nil {
		return err
	}
	if into[0] != 0x81 || into[1] != 32 || into[2] != 'a'^1 {
		return fmt.Errorf("the message came back as %q", into)
	}
	return nil
}
