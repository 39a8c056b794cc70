package dbtest

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Executor is what statements run on, as sqlc has it.
type Executor interface {
	Exec(context.Context, string, ...any) (pgconn.CommandTag, error)
	Query(context.Context, string, ...any) (pgx.Rows, error)
	QueryRow(context.Context, string, ...any) pgx.Row
}

// Plan is how PostgreSQL did a statement.
type Plan struct {
	SQL   string
	Root  Step    `json:"Plan"`
	Time  float64 `json:"Execution Time"` // milliseconds; to be told, never to be asserted
	Whole []byte  // as EXPLAIN wrote it
}

// Step is a step of a plan, as EXPLAIN writes it.
type Step struct {
	Kind     string  `json:"Node Type"`
	Relation string  `json:"Relation Name"`
	Rows     float64 `json:"Actual Rows"`
	Loops    float64 `json:"Actual Loops"`
	Filtered float64 `json:"Rows Removed by Filter"`
	Hit      int     `json:"Shared Hit Blocks"`
	Read     int     `json:"Shared Read Blocks"`
	Plans    []Step  `json:"Plans"`
}

// Explain runs a statement and says how it was done.
func Explain(t testing.TB, on Executor, sql string, args ...any) Plan {
	t.Helper()
	var raw []byte
	if err := on.QueryRow(t.Context(), "explain (analyze, buffers, format json) "+sql, args...).Scan(&raw); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var out []Plan
	if err := json.Unmarshal(raw, &out); err != nil || len(out) != 1 {
		t.Fatalf("%s: %v", raw, err)
	}
	out[0].SQL, out[0].Whole = sql, raw
	return out[0]
}

// Touched is how many rows of tables the plan has looked at, shown or not.
func (p Plan) Touched() float64 {
	return p.Root.sum(func(s Step) float64 { return (s.Rows + s.Filtered) * s.Loops })
}

// Pages is how many pages of the database the plan has read, from memory or not.
func (p Plan) Pages() int { return p.Root.Hit + p.Root.Read }

// ReadWhole are the tables that the plan has read from one end to the other. Of a part that has nothing nobody cares.
func (p Plan) ReadWhole() (tables []string) {
	p.Root.sum(func(s Step) float64 {
		if s.Kind == "Seq Scan" && (s.Rows+s.Filtered)*s.Loops > 0 {
			tables = append(tables, s.Relation)
		}
		return 0
	})
	return tables
}

// sum adds up what of says of each step that reads a table.
func (s Step) sum(of func(Step) float64) (all float64) {
	if s.Relation != "" {
		all = of(s)
	}
	for _, below := range s.Plans {
		all += below.sum(of)
	}
	return all
}

// Explained runs what is read as it is, and keeps how PostgreSQL did each.
type Explained struct {
	Executor
	T     testing.TB
	Plans []Plan
}

func (e *Explained) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	e.T.Helper()
	e.Plans = append(e.Plans, Explain(e.T, e.Executor, sql, args...))
	return e.Executor.Query(ctx, sql, args...)
}

func (e *Explained) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	e.T.Helper()
	e.Plans = append(e.Plans, Explain(e.T, e.Executor, sql, args...))
	return e.Executor.QueryRow(ctx, sql, args...)
}
