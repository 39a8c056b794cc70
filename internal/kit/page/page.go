// Package page holds lists in pages: Relay's shape, forward only, by keyset and never by offset.
package page

import (
	"encoding/base64"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
)

// Max is the largest page that anybody gets.
const Max = 100

// Info is Relay's PageInfo.
type Info struct {
	HasNextPage, HasPreviousPage bool
	StartCursor, EndCursor       *string
}

// Edge is one row with the cursor that continues after it.
type Edge[T any] struct {
	Cursor string
	Node   T
}

// Of is one page of rows.
type Of[T any] struct {
	Edges      []Edge[T]
	Nodes      []T
	PageInfo   Info
	TotalCount *int32 // nil where counting would cost too much
}

// Args say which page is wanted.
type Args struct {
	First int
	After *Cursor
}

// Cursor is the place of a row in an order: the value it is sorted by (as text, "" when by id alone) and its id.
type Cursor struct {
	Sort string    `json:"s,omitempty"`
	ID   uuid.UUID `json:"i"`
}

func (c Cursor) String() string {
	b, _ := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseCursor refuses what was not made by Cursor.String.
func ParseCursor(s string) (Cursor, error) {
	var c Cursor
	b, err := base64.RawURLEncoding.DecodeString(s)
	if len(s) > 1000 || err != nil || json.Unmarshal(b, &c) != nil || c.ID == uuid.Nil {
		return Cursor{}, fault.Invalid("after", "cursor", "Send a cursor exactly as it was given.")
	}
	return c, nil
}

// Read checks the arguments of a list: 1 ≤ first ≤ 100, after is a cursor of ours.
func Read(first *int32, after *string, otherwise int) (Args, error) {
	a := Args{First: otherwise}
	if first != nil {
		a.First = int(*first)
	}
	if a.First < 1 || a.First > Max {
		return a, fault.Invalid("first", "page_size", "Ask for 1 to %d rows.", Max)
	}
	if after != nil && *after != "" {
		c, err := ParseCursor(*after)
		if err != nil {
			return a, err
		}
		a.After = &c
	}
	return a, nil
}

// Make builds a page from at most First+1 rows, read in order; the extra row says that there is more. at gives a row's place.
func Make[T any](a Args, rows []T, total *int32, at func(T) Cursor) Of[T] {
	p := Of[T]{Edges: []Edge[T]{}, Nodes: []T{}, TotalCount: total}
	p.PageInfo.HasPreviousPage = a.After != nil
	if len(rows) > a.First {
		rows, p.PageInfo.HasNextPage = rows[:a.First], true
	}
	for _, r := range rows {
		p.Edges = append(p.Edges, Edge[T]{Cursor: at(r).String(), Node: r})
		p.Nodes = append(p.Nodes, r)
	}
	if n := len(p.Edges); n > 0 {
		p.PageInfo.StartCursor, p.PageInfo.EndCursor = &p.Edges[0].Cursor, &p.Edges[n-1].Cursor
	}
	return p
}
