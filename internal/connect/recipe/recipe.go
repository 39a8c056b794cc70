// Package recipe is the versioned list of what must stand in a customer's DNS.
//
// A recipe begins as a draft, is published once, and never changes afterwards; a newer version retires it for new connections. Every
// application has a published default recipe from its first moment: the routing set for sub-domains and for the apex.
package recipe

import (
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// Recipe is one version.
type Recipe struct {
	ID            ident.RecipeID
	OrgID         ident.OrgID
	ApplicationID ident.ApplicationID
	Number        int32
	Name          string
	Status        RecipeStatus
	Hosts         []HostClass
	Records       []RecordTemplate
	CreatedAt     time.Time
	PublishedAt   *time.Time
}

func (*Recipe) IsNode() {}

type RecipeStatus string

const (
	Draft     RecipeStatus = "DRAFT"
	Published RecipeStatus = "PUBLISHED"
	Retired   RecipeStatus = "RETIRED"
)

// HostClass is a kind of host name: which templates apply, and what a recipe has lines for. Which of them customers may connect is the application's to say.
type HostClass string

const (
	Apex      HostClass = "APEX"
	Subdomain HostClass = "SUBDOMAIN"
	Wildcard  HostClass = "WILDCARD"
)

// Essential says when a record must stand: always, or only at the moment of set-up.
type Essential string

const (
	Always  Essential = "ALWAYS"
	OnApply Essential = "ON_APPLY"
)

// RecordTemplate is one line; Name and Value may hold the variables of Expand.
// Type, Purpose and Requirement are words of package record's enumerations.
type RecordTemplate struct {
	Key         string
	Type        string
	Purpose     string
	Name        string // "{host}", "_nameplate.{host}"
	Value       string // "{target}", "np-verify={verification_token}"
	TTL         int32
	Priority    *int32
	Requirement string
	Group       *string // set when Requirement is ONE_OF
	AppliesWhen *string // always | apex | subdomain | wildcard, joined by and, or, not
	Essential   Essential
}
