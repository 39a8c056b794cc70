package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
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

// run runs a process to its end and answers what it wrote.
func run(ctx context.Context, in io.Reader, argv ...string) (out []byte, cpu time.Duration, err error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var wrote, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &wrote, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil {
		return nil, 0, errors.Join(fmt.Errorf("%s: %w: %.2000s", argv[0], err, said.String()), ctx.Err())
	}
	return wrote.Bytes(), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// role runs this program again: it reads in from its standard input and writes out to its standard output.
func role(ctx context.Context, name string, in, out any) (time.Duration, error) {
	exe, err := os.Executable()
	if err != nil {
		return 0, err
	}
	raw, err := json.Marshal(in)
	if err != nil {
		return 0, err
	}
	answer, cpu, err := run(ctx, bytes.NewReader(raw), exe, name)
	if err != nil {
		return 0, err
	}
	return cpu, json.Unmarshal(answer, out)
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
