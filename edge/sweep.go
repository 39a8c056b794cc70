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
