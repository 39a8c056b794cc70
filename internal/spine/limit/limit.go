// Package limit counts how often somebody does something, over all processes, by GCRA in Redis. Without Redis each process counts for itself; what
// guards a secret (Closed) is refused then. Rights are never kept here.
package limit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/redis/go-redis/v9"
)

// Bucket allows Rate calls per Per, and up to Burst at once (0: Rate).
type Bucket struct {
	Name   string
	Rate   int
	Per    time.Duration
	Burst  int
	Closed bool // refuse while nobody can count
}

// Limiter counts.
type Limiter struct {
	redis redis.UniversalClient
	away  atomic.Int64 // until when Redis is not asked, in nanoseconds since 1970; 0 while it answers
	local memory
}

// New makes a limiter; r may be nil: one process then counts alone.
func New(r redis.UniversalClient) *Limiter { return &Limiter{redis: r} }

// gcra keeps the theoretical arrival time of the next call, in microseconds of the server's clock.
var gcra = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local step, burst, n = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local tat = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local next = tat + step * n
if next - now > burst then return {1, next - now - burst, burst - (tat - now)} end
redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', math.ceil((next - now) / 1000) + 1000)
return {0, 0, burst - (next - now)}`)

// Allow takes one call from key's bucket, or answers RATE_LIMITED with the seconds to wait.
func (l *Limiter) Allow(ctx context.Context, b Bucket, key string) error {
	_, err := l.Take(ctx, b, key, 1)
	return err
}

// Take takes n calls and answers how many are left.
func (l *Limiter) Take(ctx context.Context, b Bucket, key string, n int) (left int, err error) {
	step := b.Per / time.Duration(b.Rate)
	burst := step * time.Duration(max(b.Burst, 1))
	if b.Burst == 0 {
		burst = b.Per
	}
	sum := sha256.Sum256([]byte(key)) // keys hold what people typed: Redis must not be a list of their addresses
	id := "nameplate:limit:" + b.Name + ":" + hex.EncodeToString(sum[:16])
	wait, room, err := l.ask(ctx, id, step, burst, n)
	if err != nil {
		if b.Closed && l.redis != nil {
			return 0, fault.Unavailable("limits", "We cannot check this right now. Please try again in a minute.").With("retryAfter", 60)
		}
		wait, room = l.local.take(id, step, burst, n, time.Now())
	}
	if wait > 0 {
		return 0, fault.RateLimited(wait)
	}
	return int(room / step), nil
}

func (l *Limiter) ask(ctx context.Context, id string, step, burst time.Duration, n int) (wait, room time.Duration, err error) {
	if l.redis == nil {
		wait, room = l.local.take(id, step, burst, n, time.Now())
		return wait, room, nil
	}
	if time.Now().UnixNano() < l.away.Load() {
		return 0, 0, errAway
	}
	asking, cancel := context.WithTimeout(ctx, 250*time.Millisecond)
	defer cancel()
	r, err := gcra.Run(asking, l.redis, []string{id}, step.Microseconds(), burst.Microseconds(), n).Int64Slice()
	switch {
	case err != nil && ctx.Err() != nil: // the caller has gone
		return 0, 0, err
	case err != nil:
		if l.away.Swap(time.Now().Add(time.Second).UnixNano()) == 0 {
			slog.WarnContext(ctx, "limits are counted by each process alone: Redis does not answer", "err", err)
		}
		return 0, 0, err
	}
	l.away.Store(0)
	if r[0] == 1 {
		return max(time.Duration(r[1])*time.Microsecond, time.Millisecond), 0, nil
	}
	return 0, time.Duration(r[2]) * time.Microsecond, nil
}

// errAway says that Redis did not answer a moment ago: it is asked again a second after, so that nobody else waits for it.
var errAway = errors.New("redis is away")

// maxKeys bounds the memory of one process, to some megabytes.
const maxKeys = 50_000

// memory is the same rule in one process.
type memory struct {
	mu  sync.Mutex
	tat map[string]time.Time
}

func (m *memory) take(id string, step, burst time.Duration, n int, now time.Time) (wait, room time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tat == nil {
		m.tat = map[string]time.Time{}
	}
	if len(m.tat) >= maxKeys {
		m.shrink(now)
	}
	tat := m.tat[id]
	if tat.Before(now) {
		tat = now
	}
	next := tat.Add(step * time.Duration(n))
	if over := next.Sub(now) - burst; over > 0 {
		return over, 0
	}
	m.tat[id] = next
	return 0, burst - next.Sub(now)
}

// shrink forgets who may come again at once, and then those whose time comes first, until half the room is free.
func (m *memory) shrink(now time.Time) {
	maps.DeleteFunc(m.tat, func(_ string, t time.Time) bool { return !t.After(now) })
	if len(m.tat) <= maxKeys/2 {
		return
	}
	middle := slices.SortedFunc(maps.Values(m.tat), time.Time.Compare)[len(m.tat)-maxKeys/2]
	maps.DeleteFunc(m.tat, func(_ string, t time.Time) bool { return !t.After(middle) })
}
