// Package part is what a subdomain contributes to the whole: data, joined by the assembly. There is no registry and no init.
package part

import (
	"context"
	"net/http"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
)

// Part is the contribution of one subdomain; every field may be empty.
type Part struct {
	Name      string
	Grants    []authz.Grant     // its permissions, and who holds them
	Readers   []event.Reader    // who follows the ledger
	Queues    []work.Queue      // its due rows
	Periodics []work.Periodic   // its schedules
	Jobs      []work.Job        // its jobs
	Nodes     map[string]Finder // id prefix → how node(id:) finds it
	Routes    []Route           // HTTP beside GraphQL
	Ready     []Check           // what `health` and /readyz ask
	Runs      []Run             // long-lived loops
}

// Finder answers the object with this id if the caller may see it; nil and no error for an unknown or foreign id.
type Finder func(ctx context.Context, id ident.Any) (any, error)

// Route is a pattern of http.ServeMux.
type Route struct {
	Pattern string
	Handler http.Handler
}

// Check is one line of health; it ends within a second. What answers an error keeps this process from traffic, unless it only Degrades: then the product
// works, and worse than it should.
type Check struct {
	Name     string
	Degrades bool
	Ask      func(ctx context.Context) error
}

// Run lives as long as the process.
type Run struct {
	Name string
	Run  func(ctx context.Context) error
}
