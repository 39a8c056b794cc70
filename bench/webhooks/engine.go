package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"runtime/debug"
	"runtime/pprof"

	"github.com/nameplate-dev/nameplate/db"
)

// job is what a process that sends is told.
type job struct {
	DSN     string
	Profile string // file; "": none
}

// roomyHeap is what `nameplate work` sets for a heap of this size.
const roomyHeap = 800

// role reads what the process is told, says that it is ready, and waits until it may begin. ctx ends with the process's input.
func role(ctx context.Context) (j job, _ context.Context, err error) {
	debug.SetGCPercent(roomyHeap)
	rest := bufio.NewReader(os.Stdin)
	in := json.NewDecoder(rest)
	if err := in.Decode(&j); err != nil {
		return j, nil, err
	}
	if err := json.NewEncoder(os.Stdout).Encode("ready"); err != nil {
		return j, nil, err
	}
	var begin string
	if err := in.Decode(&begin); err != nil {
		return j, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() { defer cancel(); _, _ = io.Copy(io.Discard, rest) }()
	return j, ctx, nil
}

// engine is ours: what `nameplate work` runs for webhooks.
func engine(ctx context.Context) error {
	os.Setenv(kekName, kek)
	j, ctx, err := role(ctx)
	if err != nil {
		return err
	}
	d, err := db.Open(ctx, j.DSN, db.MaxConns(30))
	if err != nil {
		return err
	}
	defer d.Close()
	p, err := build(d)
	if err != nil {
		return err
	}
	if j.Profile != "" {
		f, err := os.Create(j.Profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	return p.work.Run(ctx)
}
