//go:build !testing

package app

import "github.com/nameplate-dev/nameplate/internal/spine/part"

// forTests is nothing: what only tests may do is in no binary that others run.
func (a *App) forTests() []part.Route { return nil }
