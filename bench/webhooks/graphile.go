package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/nameplate-dev/nameplate/db"
)

const graphileLeft = "select exists (select from graphile_worker._private_jobs)"

// peers is the folder of what npm brings, from the root of the repository, where this program runs.
var peers = filepath.Join("bench", "webhooks", "peers")

// graphile starts graphile-worker.
func graphile(ctx context.Context, j job) (*child, error) {
	return launch(ctx, "graphile", j, filepath.Join(peers, "node_modules", ".bin", "node"), filepath.Join(peers, "graphile.mjs"))
}

// fillGraphile makes its schema by a short run, and adds the jobs.
func fillGraphile(ctx context.Context, d *db.DB, r *receiver, each int) error {
	if _, err := d.Exec(ctx, peerTable); err != nil {
		return err
	}
	c, err := graphile(ctx, job{DSN: d.Pool().Config().ConnString(), Profile: "migrate"})
	if err != nil {
		return err
	}
	if err := c.stop(); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	all := peerMessages(r, each)
	for from := 0; from < len(all); from += batchOf {
		raw, err := json.Marshal(all[from:min(len(all), from+batchOf)])
		if err != nil {
			return err
		}
		if _, err := d.Exec(ctx, `select count(*) from graphile_worker.add_jobs(array(select ('deliver', m, null, now(), 1, null, null, null)::graphile_worker.job_spec from json_array_elements($1::json) m))`, raw); err != nil {
			return fmt.Errorf("add jobs: %w", err)
		}
	}
	return nil
}
