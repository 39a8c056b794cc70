package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/nameplate-dev/nameplate/bench/rig"
)

const liveRounds = 3

// stage is a server of live, and what was measured of it: the open loop in the first round, the closed one in each.
type stage struct {
	name string
	open func(context.Context, *process) (*process, error)
	url  string
	seen []applause
}

// watched runs live with the sockets spread over few connections, and once more with a connection for each.
func (b *bench) watched(ctx context.Context) error {
	for _, subjects := range slices.Compact([]int{b.subjects, b.clients}) {
		if err := b.watchOver(ctx, subjects); errors.Is(err, errNoRedis) {
			fmt.Println("Left out:", err)
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) watchOver(ctx context.Context, subjects int) error {
	all := []*stage{{name: "ours", url: "/graphql", open: func(ctx context.Context, bus *process) (*process, error) { return b.product(ctx, "redis://"+bus.addr) }}}
	if b.wants("hub") {
		all = append(all, &stage{name: "hub", url: "/", open: b.hub})
	}
	if b.wants("yoga") && b.node != "" {
		all = append(all, &stage{name: "yoga", url: "/graphql", open: func(ctx context.Context, bus *process) (*process, error) {
			return b.script(ctx, "yoga", "BENCH_REDIS=redis://"+bus.addr)
		}})
	}
	list, err := b.subjectsOf(ctx, subjects)
	if err != nil {
		return err
	}
	fmt.Printf("%d sockets on %d connections: an event reaches %d.\n\n", b.clients, len(list), b.clients/len(list))
	for n := range liveRounds {
		for _, s := range all {
			in := audience{Keys: b.live.keys, Database: b.db.DSN, Clients: b.clients, Subjects: list, Rate: b.rate, Closed: b.each, Postmaster: b.postmaster}
			if n == 0 {
				in.Open = b.open
			}
			if err := b.perform(ctx, s, in); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	reportLive(all)
	return nil
}

// perform starts a server and its bus, lets the sockets watch, and stops both.
func (b *bench) perform(ctx context.Context, s *stage, in audience) error {
	bus, err := b.startRedis(ctx)
	if err != nil {
		return err
	}
	defer bus.stop()
	p, err := s.open(ctx, bus)
	if err != nil {
		return err
	}
	defer p.stop()
	in.URL, in.Redis, in.PID = "ws://"+p.addr+s.url, "redis://"+bus.addr, p.cmd.Process.Pid
	var seen applause
	if _, err := rig.Role(ctx, "role:watch", in, &seen); err != nil {
		return fmt.Errorf("%w\n%s", err, p.log)
	}
	s.seen = append(s.seen, seen)
	return nil
}

// hub starts the bare hub.
func (b *bench) hub(ctx context.Context, bus *process) (*process, error) {
	addr, err := rig.FreeAddr()
	if err != nil {
		return nil, err
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return b.spawn(ctx, "hub", addr, "/healthz", []string{"BENCH_LISTEN=" + addr, "BENCH_REDIS=redis://" + bus.addr}, exe, "role:hub")
}

// subjectsOf answers connections of the watched organization.
func (b *bench) subjectsOf(ctx context.Context, n int) ([]*subject, error) {
	rows, err := b.db.Query(ctx, "select bench.ident('con', id), id from bench.row where tenant = 1 order by g limit $1", n)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []*subject
	for rows.Next() {
		s := &subject{}
		if err := rows.Scan(&s.ID, &s.Row); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

func reportLive(all []*stage) {
	median := func(s *stage, of func(applause) float64) float64 {
		var values []float64
		for _, a := range s.seen {
			values = append(values, of(a))
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	frames := func(s *stage) float64 { return median(s, func(a applause) float64 { return float64(a.Frames) }) }
	fmt.Println("| server | frames/s | ours is × | CPU s per 1,000 frames | PostgreSQL's | open loop p50 ms | p99 ms | CPU of a core | kB a socket | after the events | not newer |\n|---|---|---|---|---|---|---|---|---|---|---|")
	for _, s := range all {
		first := s.seen[0]
		var back int64
		for _, a := range s.seen {
			back += a.Back
		}
		fmt.Printf("| %s | %.0f | %.2f | %.4f | %.4f | %.2f | %.2f | %.2f | %.1f | %.1f | %d |\n", s.name, frames(s), frames(all[0])/frames(s), median(s, func(a applause) float64 { return a.ClosedPerFrame }), median(s, func(a applause) float64 { return a.PostgresPerFrame }),
			first.P50, first.P99, first.OpenCPU, median(s, func(a applause) float64 { return a.PerSocket })/1024, first.PerSocketAfter/1024, back)
	}
	fmt.Println()
}
