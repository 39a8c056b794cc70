package live

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Conn is a connection to Redis, as the hub and the limiter take it.
type Conn = redis.UniversalClient

// Connect reads redis://[user:password@]host:port[/number] or unix://path and answers a connection that is made when it is first needed. The error never
// repeats the address: it may hold a password.
func Connect(url string) (Conn, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("read redis.url: it is redis://host:port[/number]")
	}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = 2*time.Second, 2*time.Second, 2*time.Second
	return redis.NewClient(o), nil
}

// Ping says whether Redis answers.
func Ping(ctx context.Context, c Conn) error {
	if err := c.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("reach Redis: %w", err)
	}
	return nil
}
