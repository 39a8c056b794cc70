package webhook

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
)

// TestNothingIsSentTwiceBecausePostgreSQLWasAway: the connection is cut while what came of a message is being written, and it is written at a later try.
func TestNothingIsSentTwiceBecausePostgreSQLWasAway(t *testing.T) {
	b := setup(t)
	var cutting sync.WaitGroup
	t.Cleanup(cutting.Wait)
	cut := func(w http.ResponseWriter, _ *http.Request) {
		locked := make(chan struct{})
		cutting.Go(func() {
			if err := b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Exec(ctx, "select from webhook_lane for update")
				close(locked)
				for cut := false; err == nil && !cut; {
					err = tx.QueryRow(ctx, `select coalesce(bool_or(pg_terminate_backend(pid)), false) from pg_stat_activity, pg_sleep(0.005)
						where datname = current_database() and wait_event_type = 'Lock'`).Scan(&cut)
				}
				return err
			}); err != nil {
				t.Error(err)
			}
		})
		<-locked
		w.WriteHeader(http.StatusOK)
	}
	k := receiver(t, cut, status(200))
	r := b.endpoint(k.URL, "*")
	b.happen(b.con, "connection.live", `{"v":1}`)
	b.drain()
	cutting.Wait()
	b.pass(time.Minute) // whatever was not written would be sent again
	b.drain()
	d := b.log(r.Endpoint.ID)[0]
	if tries := b.attempts(d.ID); d.State != Succeeded || len(tries) != 1 {
		t.Errorf("%s after %d attempts", d.State, len(tries))
	}
	if n := len(k.all()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// TestAttemptsAreWrittenOnce: when PostgreSQL had written a set and its answer was lost, the next try changes nothing.
func TestAttemptsAreWrittenOnce(t *testing.T) {
	b := setup(t)
	b.s.once.Do(b.s.prepare)
	write := b.s.outcomes.Write
	b.s.outcomes.Write = func(ctx context.Context, all []*outcome) error {
		return errors.Join(write(ctx, all), write(ctx, all))
	}
	k := receiver(t, status(500), status(200))
	r := b.endpoint(k.URL, "*")
	b.happen(b.con, "connection.live", `{"v":1}`)
	b.drain()
	d := b.log(r.Endpoint.ID)[0]
	if tries := b.attempts(d.ID); d.State != Retrying || d.Tries != 1 || len(tries) != 1 {
		t.Fatalf("%s, %d attempts, %d of them kept", d.State, d.Tries, len(tries))
	}
	b.pass(d.NextAttemptAt.Sub(b.DB.Now()))
	b.drain()
	d = b.log(r.Endpoint.ID)[0]
	if tries := b.attempts(d.ID); d.State != Succeeded || d.Tries != 2 || len(tries) != 2 {
		t.Fatalf("%s, %d attempts, %d of them kept", d.State, d.Tries, len(tries))
	}
}
