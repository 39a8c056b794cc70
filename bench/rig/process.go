package rig

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// tick is the unit of /proc/<pid>/stat on Linux (USER_HZ).
const tick = 10 * time.Millisecond

// CPU is the time that processes have computed, user and system.
func CPU(pids ...int) (sum time.Duration) {
	for _, pid := range pids {
		sum += computed(pid, 2) // utime, stime: fields 14 and 15 of proc(5)
	}
	return sum
}

func computed(pid, fields int) (sum time.Duration) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	for _, f := range strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))[11 : 11+fields] {
		ticks, _ := strconv.Atoi(f)
		sum += time.Duration(ticks) * tick
	}
	return sum
}

// RSS is the memory that processes have resident, in bytes.
func RSS(pids ...int) (sum int64) {
	for _, pid := range pids {
		raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		if f := strings.Fields(string(raw)); len(f) > 1 {
			pages, _ := strconv.ParseInt(f[1], 10, 64)
			sum += pages * int64(os.Getpagesize())
		}
	}
	return sum
}

// Family is a process and those that it started.
func Family(pid int) []int {
	out := []int{pid}
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		raw, _ := os.ReadFile(list)
		for _, f := range strings.Fields(string(raw)) {
			if child, err := strconv.Atoi(f); err == nil {
				out = append(out, child)
			}
		}
	}
	return out
}

// Postmaster finds PostgreSQL's first process; 0 when it does not run on this machine.
func Postmaster(ctx context.Context, on interface {
	QueryRow(context.Context, string, ...any) pgx.Row
}) int {
	var dir string
	if on.QueryRow(ctx, "show data_directory").Scan(&dir) != nil {
		return 0
	}
	raw, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	pid, _ := strconv.Atoi(first)
	return pid
}

// PostgresCPU is what PostgreSQL has computed, with the processes that have ended.
func PostgresCPU(postmaster int) time.Duration {
	if postmaster == 0 {
		return 0
	}
	return computed(postmaster, 4) + CPU(Family(postmaster)[1:]...) // with cutime and cstime, of those that it has waited for
}

// FreeAddr is host:port on loopback, where nobody listens now.
func FreeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// Run runs a process to its end, and answers what it wrote and computed.
func Run(ctx context.Context, in io.Reader, argv ...string) (out []byte, cpu time.Duration, err error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var wrote, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &wrote, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil {
		return nil, 0, errors.Join(fmt.Errorf("%s: %w: %.2000s", argv[0], err, said.String()), ctx.Err())
	}
	return wrote.Bytes(), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// Role runs this program again: it reads in from its standard input and writes out to its standard output, as JSON.
func Role(ctx context.Context, name string, in, out any) (time.Duration, error) {
	exe, err := os.Executable()
	if err != nil {
		return 0, err
	}
	raw, err := json.Marshal(in)
	if err != nil {
		return 0, err
	}
	answer, cpu, err := Run(ctx, bytes.NewReader(raw), exe, name)
	if err != nil {
		return 0, err
	}
	return cpu, json.Unmarshal(answer, out)
}
