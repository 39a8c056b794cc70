package app

import (
	"context"
	"io"
	"log/slog"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/metric"
	"github.com/nameplate-dev/nameplate/internal/kit/slogx"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
)

// Open connects to the database and to Redis, and assembles the product. Close it.
func Open(ctx context.Context, s Settings, log *slog.Logger) (*App, error) {
	return open(ctx, s, log, metric.New())
}

func open(ctx context.Context, s Settings, log *slog.Logger, metrics *metric.Set) (*App, error) {
	if err := s.Needs("database.url", "vault.kek"); err != nil {
		return nil, err
	}
	d, err := db.Open(ctx, s.DatabaseURL.Reveal(), db.MaxConns(30))
	if err != nil {
		return nil, err
	}
	if s.RowSecurity == "on" {
		if err := d.Guarded(ctx); err != nil {
			d.Close()
			return nil, err
		}
	}
	var r live.Conn
	if !s.RedisURL.IsZero() {
		if r, err = live.Connect(s.RedisURL.Reveal()); err != nil {
			d.Close()
			return nil, err
		}
	}
	a, err := build(ctx, s, d, r, log, metrics)
	if err != nil {
		if r != nil {
			r.Close()
		}
		d.Close()
		return nil, err
	}
	return a, nil
}

// Close ends the connections.
func (a *App) Close() {
	if a.Redis != nil {
		a.Redis.Close()
	}
	a.DB.Close()
}

// NewLog makes the process's log and sets it as the default.
func NewLog(w io.Writer, s Settings) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	log := slogx.New(w, slogx.Format(s.LogFormat), level)
	slog.SetDefault(log)
	return log
}
