//go:build unix

package edge

import (
	"net"
	"os"
	"syscall"
)

// sweep accepts whoever waits at the moment, without waiting for more.
func sweep(l *net.TCPListener) []net.Conn {
	raw, err := l.SyscallConn()
	if err != nil {
		return nil
	}
	var out []net.Conn
	_ = raw.Control(func(fd uintptr) {
		for {
			waiting, _, err := syscall.Accept(int(fd)) // the listener does not block
			if err == syscall.EINTR || err == syscall.ECONNABORTED {
				continue
			}
			if err != nil {
				return
			}
			syscall.CloseOnExec(waiting)
			f := os.NewFile(uintptr(waiting), "client")
			if c, err := net.FileConn(f); err == nil {
				out = append(out, c)
			}
			_ = f.Close()
		}
	})
	return out
}

// quiet says that a connection is open and nothing has come.
func quiet(c net.Conn) bool {
	over, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := over.SyscallConn()
	if err != nil {
		return false
	}
	nothing := false
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		nothing = err == syscall.EAGAIN
	})
	return nothing && err == nil
}
