// Package model holds the few GraphQL types that no package of the domain owns. What gqlgen writes beside this file was forgotten in gqlgen.yml.
package model

import "time"

// Node is whatever node(id:) may answer: the finders of all parts say what that is.
type Node interface{}

// Ok answers a change that leaves nothing to show.
type Ok struct{ Ok bool }

// RateLimit is what the caller has left of the hourly cost budget.
type RateLimit struct {
	Cost, Limit, Remaining int32
	ResetAt                time.Time
}

// Health says whether this process can work.
type Health struct {
	Name    string
	Status  HealthStatus
	Version *string // for operators
	Build   string
	Checks  []HealthCheck
}

// HealthCheck is one thing that must answer.
type HealthCheck struct {
	Name      string
	Status    HealthStatus
	LatencyMs *float64
	Message   *string
}

type HealthStatus string

const (
	HealthOK       HealthStatus = "OK"
	HealthDegraded HealthStatus = "DEGRADED"
	HealthDown     HealthStatus = "DOWN"
)
