//go:build !linux

package httpx

import (
	"net"
	"time"
)

func limitSilence(*net.TCPConn, time.Duration) {}
