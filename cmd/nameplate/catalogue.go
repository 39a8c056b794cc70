package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/provider"
)

// stale is the age at which somebody should look again.
const stale = 365 * 24 * time.Hour

// catalogue is for who writes a file of providers (provider.catalogue): the schema for an editor, and the verdict before a restart.
func catalogue(args []string, out io.Writer) error {
	switch {
	case len(args) == 1 && args[0] == "schema":
		_, err := out.Write(provider.RowSchema)
		return err
	case len(args) == 1 && args[0] == "check", len(args) == 2 && args[0] == "check":
		return checkCatalogue(args[1:], out, time.Now())
	}
	return &wrongCall{errors.New("say what: catalogue check [file] or catalogue schema")}
}

// checkCatalogue loads our rows and the file's as a start would, and lists those that nobody has looked at for a year.
func checkCatalogue(files []string, out io.Writer, now time.Time) error {
	var extra [][]byte
	for _, path := range files {
		raw, err := provider.ReadFile(path)
		if err != nil {
			return err
		}
		extra = append(extra, raw)
	}
	c, err := provider.Load(extra...)
	if err != nil {
		return err
	}
	rows := c.All("")
	fmt.Fprintf(out, "%d providers, all sound.\n", len(rows))
	looked := func(p *provider.Provider) time.Time {
		if at := cmp.Or(p.VerifiedAt, p.CheckedAt); at != nil {
			return *at
		}
		return time.Time{}
	}
	slices.SortStableFunc(rows, func(a, b *provider.Provider) int { return looked(a).Compare(looked(b)) })
	for _, p := range rows {
		switch at := looked(p); {
		case at.IsZero():
			fmt.Fprintf(out, "  %-24s no source\n", p.Slug)
		case now.Sub(at) > stale:
			fmt.Fprintf(out, "  %-24s last looked at on %s\n", p.Slug, at.Format(time.DateOnly))
		}
	}
	return nil
}
