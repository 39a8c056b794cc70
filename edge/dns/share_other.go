//go:build !linux

package edgedns

import "syscall"

// shareAddress is for Linux alone.
var shareAddress func(_, _ string, c syscall.RawConn) error
