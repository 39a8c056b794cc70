//go:build testing

package app

import (
	"github.com/nameplate-dev/nameplate/graph/testing"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
)

// forTests is the testing schema, in binaries that are built for it.
func (a *App) forTests() []part.Route {
	s := &testing.Service{DB: a.DB, Ledger: a.Ledger, Work: a.Work, Accounts: a.Accounts, Registrations: a.Registrations, Mails: a.Mails, Audits: a.Audits}
	return s.Part().Routes
}
