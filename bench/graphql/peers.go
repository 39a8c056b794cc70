package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"

	"github.com/nameplate-dev/nameplate/bench/rig"
)

//go:embed peers/schema.sql
var peerSQL string

// postgraphile gives the peer its schema and starts it.
func (b *bench) postgraphile(ctx context.Context) (*process, error) {
	var there bool
	if err := b.db.QueryRow(ctx, "select exists (select from pg_namespace where nspname = 'bench_peer')").Scan(&there); err != nil {
		return nil, err
	}
	if !there {
		if _, err := b.db.Exec(ctx, strings.ReplaceAll(peerSQL, ":zone", quoted(zone))); err != nil {
			return nil, fmt.Errorf("make the peer's schema: %w", err)
		}
		if _, err := b.db.Exec(ctx, "vacuum analyze"); err != nil {
			return nil, err
		}
	}
	return b.script(ctx, "postgraphile", "BENCH_DATABASE="+b.db.DSN, "BENCH_WORKERS="+strconv.Itoa(b.workers))
}

// script starts one of the peers that are programs for Node.js.
func (b *bench) script(ctx context.Context, name string, env ...string) (*process, error) {
	addr, err := rig.FreeAddr()
	if err != nil {
		return nil, err
	}
	return b.spawn(ctx, name, addr, "/healthz", append(env, "NODE_ENV=production", "GRAPHILE_ENV=production", "BENCH_LISTEN="+addr), b.node, peer(name+".mjs"))
}

// errNoRedis leaves a rig out: what is in process is no bus.
var errNoRedis = errors.New("there is no redis-server here")

// startRedis starts a Redis that keeps nothing, and answers its address.
func (b *bench) startRedis(ctx context.Context) (*process, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errNoRedis
	}
	addr, err := rig.FreeAddr()
	if err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(addr)
	return b.spawn(ctx, "redis", addr, "", nil, path, "--bind", host, "--port", port, "--save", "", "--appendonly", "no")
}
