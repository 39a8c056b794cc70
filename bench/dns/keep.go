package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/nameplate-dev/nameplate/internal/app"
)

// keep is a process of the product that runs the checks of all connections, and says what came of it: a steady while, and then one that
// begins with a backlog.
func keep(ctx context.Context) error {
	p, err := readPlan()
	if err != nil {
		return err
	}
	s := settings(p.DSN)
	s.Edge.V4 = []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	s.Probe.HTTPS = p.Edge
	s.DNS = app.DNSSettings{RootHints: []app.Root{{Name: "ns.edge.bench", Address: p.Server.Addr()}}, Port: int(p.Server.Port()), AllowPrivate: true}
	a, err := app.Open(ctx, s, app.NewLog(os.Stderr, s))
	if err != nil {
		return err
	}
	defer a.Close()
	e := a.Engine
	e.Settings.PerServerQPS, e.Settings.Burst, e.Settings.PerZoneQPS, e.Settings.ZoneBurst = unlimited, unlimited, unlimited, unlimited // one server stands for all of the world's
	e.Settings.ProbeRoots, e.Nonce = x509.NewCertPool(), func(string) []string { return []string{nonce} }
	if !e.Settings.ProbeRoots.AppendCertsFromPEM(p.Roots) {
		return fmt.Errorf("the roots of the probe cannot be read")
	}
	k := &keeper{a: a, plan: p}
	a.Work.Queues = a.Connections.Part().Queues
	a.Work.Observe = func(string, time.Duration, error) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.ran++
	}
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	running.Go(func() { _ = a.Work.Run(ctx) })
	out := kept{State: map[string]int{}}
	if err := k.wait(ctx, 25*time.Second); err != nil { // the first are due by then
		return err
	}
	steady, err := k.measure(ctx, "steady")
	if err != nil {
		return err
	}
	if _, err := a.DB.Exec(ctx, "update connection_due set due_at = now() where connection_id in (select connection_id from connection_due where lease_until is null order by due_at desc limit $1)", p.Backlog); err != nil {
		return err
	}
	a.Work.Ring("routine_check")
	behind, err := k.measure(ctx, fmt.Sprintf("with %d at once", p.Backlog))
	if err != nil {
		return err
	}
	out.Phases, out.Memory = []phase{steady, behind}, largest()
	rows, err := a.DB.Query(ctx, "select state, count(*) from connection group by state")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var state string
		var n int
		if err := rows.Scan(&state, &n); err != nil {
			return err
		}
		out.State[state] = n
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

type keeper struct {
	plan
	a   *app.App
	mu  sync.Mutex
	ran int
}

func (k *keeper) checks() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ran
}

func (k *keeper) wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func busy() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure looks on for a while; each second somebody begins to look at a connection that nobody would check soon.
func (k *keeper) measure(ctx context.Context, name string) (phase, error) {
	p := phase{Name: name}
	began, ran, cpu := time.Now(), k.checks(), busy()
	for time.Since(began) < k.Each {
		second := time.Now()
		var lag *float64
		err := k.a.DB.QueryRow(ctx, "select extract(epoch from now() - min(due_at)) from connection_due where kind = 'CHECK' and not urgent and due_at < now() and (lease_until is null or lease_until < now())").Scan(&lag)
		if err != nil {
			return p, err
		}
		if lag != nil {
			p.Lag = max(p.Lag, *lag)
		}
		took, err := k.look(ctx)
		if err != nil {
			return p, err
		}
		p.Attention = append(p.Attention, took.Seconds())
		if err := k.wait(ctx, time.Second-time.Since(second)); err != nil {
			return p, err
		}
	}
	slices.Sort(p.Attention)
	p.Seconds, p.Checks, p.Cores = time.Since(began).Seconds(), k.checks()-ran, (busy()-cpu).Seconds()/time.Since(began).Seconds()
	err := k.a.DB.QueryRow(ctx, "select count(*) from connection_due where kind = 'CHECK' and due_at < now()").Scan(&p.Wanted)
	p.Wanted += p.Checks // what is left, too
	return p, err
}

// look does what a first watcher does, and waits until the check that it brings is written.
func (k *keeper) look(ctx context.Context) (time.Duration, error) {
	var id uuid.UUID
	err := k.a.DB.QueryRow(ctx, "select connection_id from connection_due where kind = 'CHECK' and due_at > now() + interval '5 minutes' offset floor(random() * 1000) limit 1").Scan(&id)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := k.hurry(ctx, id); err != nil {
		return 0, err
	}
	k.a.Work.Ring("check")
	for {
		var done bool
		if err := k.a.DB.QueryRow(ctx, "select owner is null and not urgent from connection_due where connection_id = $1 and kind = 'CHECK'", id).Scan(&done); err != nil || done {
			return time.Since(began), err
		}
		if time.Since(began) > 30*time.Second {
			return 0, fmt.Errorf("nobody checks %s within 30 s", id)
		}
		if err := k.wait(ctx, 10*time.Millisecond); err != nil {
			return 0, err
		}
	}
}

func (k *keeper) hurry(ctx context.Context, id uuid.UUID) error {
	_, err := k.a.DB.Exec(ctx, "update connection_due set due_at = now(), urgent = true, trigger = 'WATCH' where connection_id = $1 and kind = 'CHECK'", id)
	return err
}
