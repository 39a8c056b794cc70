package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/nameplate-dev/nameplate/bench/rig"
)

// child is a process that a rig started. It reads lines from its standard input, writes JSON to its standard output, and ends when its input does.
type child struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *json.Decoder
}

// spawn runs this program again in a role, with a first line as JSON.
func spawn(ctx context.Context, role string, first any) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return launch(ctx, role, first, self, role)
}

func launch(ctx context.Context, name string, first any, argv ...string) (*child, error) {
	c := &child{name: name, cmd: exec.CommandContext(ctx, argv[0], argv[1:]...)}
	c.cmd.Stderr, c.cmd.SysProcAttr = os.Stderr, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = json.NewDecoder(out)
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return c, c.say(first)
}

func (c *child) say(v any) error {
	raw, err := json.Marshal(v)
	if err == nil {
		_, err = c.in.Write(append(raw, '\n'))
	}
	if err != nil {
		return fmt.Errorf("tell %s: %w", c.name, err)
	}
	return nil
}

func (c *child) read(into any) error {
	if err := c.out.Decode(into); err != nil {
		return fmt.Errorf("%s said nothing: %w", c.name, err)
	}
	return nil
}

// stop ends the process.
func (c *child) stop() error {
	c.in.Close()
	ended := make(chan error, 1)
	go func() { ended <- c.cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(15 * time.Second):
		_ = c.cmd.Process.Kill()
		return errors.Join(fmt.Errorf("%s did not end", c.name), <-ended)
	}
}

// cpu is how many seconds the process has computed.
func (c *child) cpu() float64 { return rig.CPU(c.cmd.Process.Pid).Seconds() }
