package app

import (
	"context"

	"github.com/nameplate-dev/nameplate/graph"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
)

// Explored is the payload of explorer.ran.
type Explored struct {
	V         int      `json:"v"`
	Operation string   `json:"operation,omitempty"`
	Kind      string   `json:"kind"`
	Document  string   `json:"document"`
	Roots     []string `json:"roots"`
	Cost      int      `json:"cost"`
}

// ran writes an operator's run into the ledger (GI-4), on a chain of the operator's own.
func (a *App) ran(ctx context.Context, r graph.Run) error {
	_, err := door.Do(ctx, a.Door, door.Change[graph.Run, struct{}]{
		Action: door.Action{Name: "explorer.run", Public: true}, // who may was decided at the door
		Do: func(_ context.Context, e *door.Effect, r graph.Run) (struct{}, error) {
			stream := "explorer:" + e.Caller.UserID.String()
			e.Record(event.Change{Action: "explorer.ran", Subject: e.Caller.SessionID.String(), Version: 1, Stream: stream, Chain: stream, Audited: true,
				Payload: Explored{V: 1, Operation: r.Operation, Kind: r.Kind, Document: r.Document, Roots: r.Roots, Cost: r.Cost}})
			return struct{}{}, nil
		},
	}, r)
	return err
}
