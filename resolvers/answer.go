package resolvers

import (
	"cmp"
	"context"

	"github.com/nameplate-dev/nameplate/graph/loader"
	"github.com/nameplate-dev/nameplate/graph/model"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/recovery"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// longestTag is how long a language tag may be (RFC 5646, section 4.4.1); catalogues try each of its beginnings.
const longestTag = 35

// language is what the caller asked for, else what its request prefers.
func language(ctx context.Context, locale *string) string {
	tag := cmp.Or(deref(locale), authz.From(ctx).Locale)
	return tag[:min(len(tag), longestTag)]
}

func deref[T any](v *T) (zero T) {
	if v == nil {
		return zero
	}
	return *v
}

// hidden is a secret argument that may be left out.
func hidden(s *secret.String) secret.String {
	if s == nil {
		return secret.String{}
	}
	return *s
}

// explained puts a code into words.
func explained(code, locale string, params map[string]any) (*finding.Explanation, error) {
	e, known := finding.Explain(code, locale, params)
	if !known {
		return nil, fault.NotFound("code")
	}
	return &e, nil
}

// absent answers nothing for what the caller may not see.
func absent[T any](found *T, err error) (*T, error) {
	if fault.Is(err, fault.NotFoundCode) {
		return nil, nil
	}
	return found, err
}

// accepted is the one answer to whom nothing is to be learned.
func accepted(err error) (*recovery.Accepted, error) {
	if err != nil {
		return nil, err
	}
	return &recovery.Accepted{Accepted: true}, nil
}

func done(err error) (*model.Ok, error) {
	if err != nil {
		return nil, err
	}
	return &model.Ok{Ok: true}, nil
}

// listed tells the loaders that the rows of a page belong together.
func listed[T comparable](ctx context.Context) func(*page.Of[T], error) (*page.Of[T], error) {
	return func(p *page.Of[T], err error) (*page.Of[T], error) {
		if err == nil {
			loader.Together(loader.From(ctx), p.Nodes)
		}
		return p, err
	}
}

// together tells the loaders that the members of a list belong together.
func together[T comparable](ctx context.Context) func([]T, error) ([]T, error) {
	return func(list []T, err error) ([]T, error) {
		loader.Together(loader.From(ctx), list)
		return list, err
	}
}

// pointers is a list of structs as gqlgen wants it.
func pointers[T any](list []T) []*T {
	out := make([]*T, len(list))
	for n := range list {
		out[n] = &list[n]
	}
	return out
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for n, s := range list {
		out[n] = string(s)
	}
	return out
}
