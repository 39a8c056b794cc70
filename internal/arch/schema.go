// Package arch holds the house together: its tests say which floor may import which, who writes which table, and that the maps in docs name real tests.
// Outside its tests it has one thing, the reading of our migrations, which the test and the generator of sqlc.yaml share.
package arch

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Table is one table of db/migrations.
type Table struct {
	Name   string
	Owner  string // the subdomain named by the line "-- owner: X" above it; "" when there is none
	Tenant bool   // it has a column org_id: a row may belong to an organization
	File   string
}

var (
	ownerLine = regexp.MustCompile(`^\s*--\s*owner:\s*(\w+)`)
	tableLine = regexp.MustCompile(`(?i)^\s*create\s+(?:unlogged\s+)?table\s+(?:if\s+not\s+exists\s+)?(\w+)`)
	partition = regexp.MustCompile(`(?i)\bpartition\s+of\s+(\w+)`)
	tenancy   = regexp.MustCompile(`(?i)\borg_id\s+uuid\b`)
)

// Tables reads every migration below dir in order.
func Tables(dir string) ([]Table, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.sql"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	var tables []Table
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read a migration: %w", err)
		}
		tables = append(tables, tablesOf(filepath.Base(file), string(text))...)
	}
	for i, t := range tables { // a partition belongs to whom its parent belongs to
		if parent, ok := strings.CutPrefix(t.Owner, "partition of "); ok {
			n := slices.IndexFunc(tables, func(p Table) bool { return p.Name == parent })
			if n < 0 {
				return nil, fmt.Errorf("%s: table %s is a partition of %s, which no migration creates", t.File, t.Name, parent)
			}
			tables[i].Owner, tables[i].Tenant = tables[n].Owner, tables[n].Tenant
		}
	}
	return tables, nil
}

func tablesOf(file, text string) (tables []Table) {
	owner := ""
	lines := strings.Split(text, "\n")
	for n, line := range lines {
		if m := ownerLine.FindStringSubmatch(line); m != nil {
			owner = m[1]
			continue
		}
		m := tableLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		statement, _, _ := strings.Cut(strings.Join(lines[n:], "\n"), ";")
		t := Table{Name: m[1], Owner: owner, Tenant: tenancy.MatchString(statement), File: file}
		if p := partition.FindStringSubmatch(statement); p != nil {
			t.Owner = "partition of " + p[1]
		}
		tables, owner = append(tables, t), ""
	}
	return tables
}
