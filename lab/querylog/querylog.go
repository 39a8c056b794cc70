// Package querylog remembers what a DNS server was asked. In tests it is the proof that a question was, or
// was not, put to a server.
package querylog

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// Query is one question as it arrived.
type Query struct {
	At        time.Time `json:"at"`
	Server    string    `json:"server"`
	Name      string    `json:"name"` // lower case with the final dot, whatever case was asked
	Type      string    `json:"type"`
	Transport string    `json:"transport"` // udp or tcp
	From      string    `json:"from"`
	Rcode     string    `json:"rcode"` // what was answered; empty when nothing was
}

// keep bounds the memory of a lab that runs for days.
const keep = 4096

// Log is a ring of the last questions. The zero value is ready.
type Log struct {
	mu    sync.Mutex
	ring  []Query
	start int
	total int
}

// Add remembers q and forgets the oldest when the ring is full.
func (l *Log) Add(q Query) {
	q.Name = strings.ToLower(q.Name)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total++
	if len(l.ring) < keep {
		l.ring = append(l.ring, q)
		return
	}
	l.ring[l.start] = q
	l.start = (l.start + 1) % keep
}

// All returns what is remembered, oldest first.
func (l *Log) All() []Query {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Concat(l.ring[l.start:], l.ring[:l.start])
}

// For returns the questions for one name, with or without the final dot, oldest first.
func (l *Log) For(name string) []Query {
	name = strings.ToLower(strings.TrimSuffix(name, ".")) + "."
	return slices.DeleteFunc(l.All(), func(q Query) bool { return q.Name != name })
}

// Total counts every question since the start, forgotten ones included.
func (l *Log) Total() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}
