package httpx

import (
	"net"
	"syscall"
	"time"
)

const tcpUserTimeout = 0x12 // in milliseconds; tcp(7)

func limitSilence(c *net.TCPConn, most time.Duration) {
	raw, err := c.SyscallConn()
	if err != nil {
		return // it is closed
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(most.Milliseconds()))
	})
}
