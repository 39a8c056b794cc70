package edgedns

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// shareAddress lets several sockets of ours have one address; the kernel gives each client one of them. That nobody else has the address is found
// out over TCP, whose listener does not share.
var shareAddress = func(_, _ string, c syscall.RawConn) (err error) {
	if outer := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }); outer != nil {
		return outer
	}
	return err
}
