package door

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/doorq"
)

// kept is how long a finished effect answers the same under its key.
const kept = 24 * time.Hour

const maxKey = 200 // octets

type (
	headerKey struct{}
	nthKey    struct{}
)

// WithKey carries the Idempotency-Key header of a request. It wins over clientMutationId.
func WithKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, headerKey{}, key)
}

// Keyed says whether the request of ctx has such a header.
func Keyed(ctx context.Context) bool { return headerOf(ctx) != "" }

func headerOf(ctx context.Context) string {
	key, _ := ctx.Value(headerKey{}).(string)
	return key
}

// Nth says that what runs under ctx is the nth change of its kind in its request, from 1. The header names the whole request, so each of them has a key of
// its own; that of the first is the header itself, so that it is the same change alone or beside others, and under whatever alias.
func Nth(ctx context.Context, n int) context.Context { return context.WithValue(ctx, nthKey{}, n) }

// call is one (actor, action, key), and what it is kept under; without a key it does nothing.
type call struct{ actor, action, key, kept string }

func (d *Door) key(ctx context.Context, a Action, caller authz.Principal, key string) call {
	nth := 1
	if h := headerOf(ctx); h != "" {
		key = h
		nth, _ = ctx.Value(nthKey{}).(int)
	}
	if a.Public || caller.Kind == authz.PUBLIC || caller.Kind == authz.SYSTEM {
		key = ""
	}
	c := call{caller.Actor(), a.Name, key, key}
	if nth > 1 {
		c.kept = fmt.Sprintf("%s\n%d", key, nth) // a header has no line break
	}
	return c
}

func (c call) row() string { return c.actor + " " + c.action + " " + c.kept }

// answered looks whether this call was finished before, and then gives the same answer; or whether it waits, and then how that stands now. Simultaneous
// calls under one key wait here for each other.
func (c call) answered(ctx context.Context, d *Door, tx *db.Tx, out, in any) (found bool, wait *Waiting, err error) {
	if c.key == "" {
		return false, nil, nil
	}
	if len(c.key) > maxKey {
		return false, nil, fault.Invalid("clientMutationId", "idempotency_key", "An idempotency key has at most 200 characters.")
	}
	if err := d.q.LockKey(ctx, tx, doorq.LockKeyParams{Actor: c.actor, Action: c.action, Key: c.kept}); err != nil {
		return false, nil, fmt.Errorf("lock the idempotency key: %w", err)
	}
	row, err := d.q.Answered(ctx, tx, doorq.AnsweredParams{Actor: c.actor, Action: c.action, Key: c.kept, Since: tx.Now.Add(-kept)})
	if db.NotFound(err) {
		return false, nil, nil
	} else if err != nil {
		return false, nil, fmt.Errorf("look up the idempotency key: %w", err)
	}
	sum, err := hash(in)
	if err != nil {
		return false, nil, err
	}
	if subtle.ConstantTimeCompare(sum, row.RequestHash) != 1 {
		return false, nil, fault.Conflict("clientMutationId", "idempotency_key_reused", "This idempotency key was used for another request. Use a new one for each request.")
	}
	if row.WaitID != nil {
		if d.Holder == nil {
			return false, nil, fmt.Errorf("the call %s waits, and nobody keeps it", c.action)
		}
		wait, err := d.Holder.Stands(ctx, tx, *row.WaitID)
		return false, wait, err
	}
	raw, err := d.Vault.Open(ctx, tx, ident.OrgID{}, "idempotency.sealed_response", c.row(), row.SealedResponse)
	if err != nil {
		return false, nil, fmt.Errorf("open the kept answer: %w", err)
	}
	if err := gob.NewDecoder(bytes.NewReader(raw)).Decode(out); err != nil {
		return false, nil, fmt.Errorf("read the kept answer: %w", err)
	}
	return true, nil, nil
}

// keep stores the finished answer, sealed: it may hold a secret that is shown once.
func (c call) keep(ctx context.Context, d *Door, tx *db.Tx, out, in any) error {
	if c.key == "" {
		return nil
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(out); err != nil {
		return fmt.Errorf("keep the answer of %s: %w", c.action, err)
	}
	sealed, err := d.Vault.Seal(ctx, tx, ident.OrgID{}, "idempotency.sealed_response", c.row(), b.Bytes())
	if err != nil {
		return fmt.Errorf("seal the answer of %s: %w", c.action, err)
	}
	sum, err := hash(in)
	if err != nil {
		return err
	}
	return d.q.KeepAnswer(ctx, tx, doorq.KeepAnswerParams{Actor: c.actor, Action: c.action, Key: c.kept, RequestHash: sum, SealedResponse: sealed, At: tx.Now})
}

// keepWait stores what the call waits for.
func (c call) keepWait(ctx context.Context, d *Door, tx *db.Tx, id string, in any) error {
	if c.key == "" {
		return nil
	}
	sum, err := hash(in)
	if err != nil {
		return err
	}
	return d.q.KeepWait(ctx, tx, doorq.KeepWaitParams{Actor: c.actor, Action: c.action, Key: c.kept, RequestHash: sum, WaitID: id, At: tx.Now})
}

// hash is what makes an input the same. Its clientMutationId is no part of it: it is the key itself, or the header won over it.
func hash(in any) ([]byte, error) {
	raw, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("read the input: %w", err)
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) == nil { // else it is an id alone
		delete(members, "ClientMutationID")
		if raw, err = json.Marshal(members); err != nil {
			return nil, fmt.Errorf("read the input: %w", err)
		}
	}
	sum := sha256.Sum256(raw)
	return sum[:], nil
}

// Forget is the schedule that deletes answers after their day.
func (d *Door) Forget() work.Periodic {
	return work.Periodic{Kind: "idempotency.forget", Every: time.Hour, Do: func(ctx context.Context) error {
		_, err := d.q.ForgetAnswers(ctx, d.DB, doorq.ForgetAnswersParams{At: d.DB.Now().Add(-kept)})
		return err
	}}
}

// Register tells gob of the open types that answers may hold inside an interface.
func Register() {
	gob.Register(map[string]any{})
	gob.Register([]any{})
	gob.Register([]string{})
	gob.Register(time.Time{})
}
