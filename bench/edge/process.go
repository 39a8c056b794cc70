package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/nameplate-dev/nameplate/bench/rig"
)

// process is a server that was started for a measurement.
type process struct {
	cmd  *exec.Cmd
	said bytes.Buffer
	in   io.WriteCloser
}

// launch starts a program. Its standard input stays open as long as it shall live.
func launch(ctx context.Context, env []string, argv ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, argv[0], argv[1:]...)}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Env = &p.said, &p.said, append(os.Environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = 5 * time.Second
	return p, p.cmd.Start()
}

// role starts this program again with something to read, and waits for one line of JSON.
func role(ctx context.Context, name string, in, out any) (*process, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.CommandContext(ctx, exe, name)}
	p.cmd.Stderr = &p.said
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = 5 * time.Second
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	said, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if err := json.NewEncoder(p.in).Encode(in); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(said).ReadBytes('\n')
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("%s: %w: %.2000s", name, err, p.said.String())
	}
	return p, json.Unmarshal(line, out)
}

// single starts our edge alone, without peers beside it, for whoever looks at nothing else; and an origin, where the setting names none. All of it lasts until leave.
func single(ctx context.Context, s setting) (p *place, _ setting, leave func(), err error) {
	leave = func() {}
	if s.Dir, err = os.MkdirTemp("", "bench-edge"); err != nil {
		return nil, s, leave, err
	}
	leave = func() { _ = os.RemoveAll(s.Dir) }
	if s.Origin == "" {
		back, err := role(ctx, "role:origin", struct{}{}, &s.Origin)
		if err != nil {
			return nil, s, leave, err
		}
		leave = func() { back.stop(); _ = os.RemoveAll(s.Dir) }
	}
	before := leave
	if s.identity, err = issue(s.Dir); err != nil {
		return nil, s, leave, err
	}
	p = &place{}
	if p.process, p.address, err = byRole("role:ours")(ctx, s); err != nil {
		return nil, s, leave, err
	}
	return p, s, func() { p.stop(); before() }, nil
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
}

// cpu is what the process and its children have used.
func (p *process) cpu() time.Duration { return rig.CPU(rig.Family(p.cmd.Process.Pid)...) }

// memory is what they hold, in MB.
func (p *process) memory() int { return int(rig.RSS(rig.Family(p.cmd.Process.Pid)...) >> 20) }

// listening waits for a server at an address.
func listening(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	for {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			return c.Close()
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}
