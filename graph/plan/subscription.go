// Package plan executes a document that was compiled once: it walks the selected fields of the same resolvers that gqlgen calls, writes JSON as it goes, and
// needs no goroutine for an element of a list.
package plan

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
)

// Subscription is a subscription that was read, allowed and priced, and that nobody has opened.
type Subscription struct {
	// Key is the same for the same document, operation and variables: those who also have the same rights get the same bytes.
	Key string
	// Open calls the root field's resolver; ctx holds the caller and lives as long as the subscription. A response means that it was refused.
	Open func(ctx context.Context) (live.Feed[any], Render, *graphql.Response)
}

// Render makes the response of one message of the feed.
type Render func(ctx context.Context, message any) *graphql.Response

type takerKey struct{}

// WithTaker gives a context somebody who serves subscriptions: executing one hands it over and answers nothing else.
func WithTaker(ctx context.Context, take func(Subscription)) context.Context {
	return context.WithValue(ctx, takerKey{}, take)
}

// Taker answers who serves subscriptions in a context; nil when nobody does.
func Taker(ctx context.Context) func(Subscription) {
	take, _ := ctx.Value(takerKey{}).(func(Subscription))
	return take
}
