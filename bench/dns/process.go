package main

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// host is what the lab's servers want of a test: it ends them when the rig is over.
type host struct {
	ctx  context.Context
	undo []func()
}

func (h *host) Helper()                  {}
func (h *host) Cleanup(f func())         { h.undo = append(h.undo, f) }
func (h *host) Context() context.Context { return h.ctx }

// Fatalf ends the rig through its recover.
func (h *host) Fatalf(format string, args ...any) { panic(fmt.Errorf(format, args...)) }

// close ends what was started, last things first, and turns a Fatalf into the rig's error.
func (h *host) close(err *error) {
	if p := recover(); p != nil {
		said, ok := p.(error)
		if !ok {
			panic(p)
		}
		*err = said
	}
	for n := len(h.undo) - 1; n >= 0; n-- {
		h.undo[n]()
	}
}

// descriptors is how many files and sockets this process has open.
func descriptors() int {
	list, _ := os.ReadDir("/proc/self/fd")
	return len(list)
}

// largest is the most memory that this process has had resident, in MB.
func largest() int {
	raw, _ := os.ReadFile("/proc/self/status")
	kb := 0
	if _, after, ok := strings.Cut(string(raw), "VmHWM:"); ok {
		_, _ = fmt.Sscan(after, &kb)
	}
	return kb >> 10
}
