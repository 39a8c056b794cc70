package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"
)

// returned is what the herd's process says once all sockets are back.
type returned struct {
	Half, Last time.Time // when half of them, and the last, had their state
	Refused    int64     // upgrades, hellos and subscriptions that a running server did not grant
}

// herd opens all sockets, says so, and brings each back as soon as it breaks.
func herd(ctx context.Context, in *audience, b *board) error {
	all, err := connect(ctx, in, b)
	if err != nil {
		return err
	}
	fmt.Println("{}")
	var wg sync.WaitGroup
	var refused atomic.Int64
	back := make(chan time.Time, len(all))
	for n, w := range all {
		wg.Go(func() {
			if err := w.again(ctx, in, n, b, &refused); err == nil {
				back <- time.Now()
			}
		})
	}
	wg.Wait()
	if len(back) < len(all) {
		return fmt.Errorf("%d of %d sockets came back: %w", len(back), len(all), context.Cause(ctx))
	}
	var out returned
	for n := range len(all) {
		if out.Last = <-back; n == len(all)/2 {
			out.Half = out.Last
		}
	}
	out.Refused = refused.Load()
	return json.NewEncoder(os.Stdout).Encode(out)
}

// again waits for the end of the socket, and opens another without waiting; while nobody listens it tries 20 times a second.
func (w *watcher) again(ctx context.Context, in *audience, n int, b *board, refused *atomic.Int64) error {
	for w.conn != nil {
		if _, err := w.next(); err != nil {
			w.conn.Close()
			w.conn = nil
		}
	}
	pause := time.NewTicker(50 * time.Millisecond)
	defer pause.Stop()
	for {
		w.last = 0
		err := w.open(ctx, in, n, b)
		if err == nil {
			return nil
		}
		if _, closed := errors.AsType[dialError](err); !closed {
			if refused.Add(1) == 1 {
				fmt.Fprintln(os.Stderr, err)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-pause.C:
		}
	}
}

// returns kills the server under its sockets, starts it again at the same address, and measures from the kill.
func (b *bench) returns(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	bus, err := b.startRedis(ctx)
	if errors.Is(err, errNoRedis) {
		fmt.Println("Left out:", err)
		return nil
	} else if err != nil {
		return err
	}
	defer bus.stop()
	p, err := b.product(ctx, "redis://"+bus.addr)
	if err != nil {
		return err
	}
	defer func() { p.stop() }()
	list, err := b.subjectsOf(ctx, b.subjects)
	if err != nil {
		return err
	}
	in, err := json.Marshal(audience{URL: "ws://" + p.addr + "/graphql", Keys: b.live.keys, Clients: b.clients, Subjects: list, Herd: true})
	if err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	c, said := exec.CommandContext(ctx, exe, "role:watch"), &tail{}
	c.Stdin, c.Stderr = bytes.NewReader(in), said
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		return errors.Join(fmt.Errorf("the sockets do not open: %s\n%s", said, p.log), c.Wait())
	}
	before := b.transactions(ctx)
	killed := time.Now()
	_ = p.cmd.Process.Kill()
	<-p.done
	if p, err = b.productAt(ctx, p.addr, "redis://"+bus.addr); err != nil {
		return errors.Join(err, c.Wait())
	}
	up := time.Since(killed)
	if !lines.Scan() {
		return errors.Join(fmt.Errorf("the sockets do not come back: %s\n%s", said, p.log), c.Wait())
	}
	var r returned
	if err := errors.Join(json.Unmarshal(lines.Bytes(), &r), c.Wait()); err != nil {
		return err
	}
	fmt.Printf("%d sockets on %d connections after a kill: the server is up after %.2f s, half of the sockets have their state after %.2f s, the last after %.2f s; %d were refused; PostgreSQL ran %d transactions.\n",
		b.clients, len(list), up.Seconds(), r.Half.Sub(killed).Seconds(), r.Last.Sub(killed).Seconds(), r.Refused, b.transactions(ctx)-before)
	if r.Refused > 0 {
		fmt.Printf("The first refusal: %s\n", said)
	}
	return nil
}

// transactions counts those of the database; a statement outside of one counts as one. Every process reports its own within a second of falling silent.
func (b *bench) transactions(ctx context.Context) (n int64) {
	select {
	case <-ctx.Done():
	case <-time.After(1500 * time.Millisecond):
	}
	_ = b.db.QueryRow(ctx, "select xact_commit from pg_stat_database where datname = current_database()").Scan(&n)
	return n
}
