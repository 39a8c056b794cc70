package feed

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/graph/plan"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// log is a stream of numbers, two a step.
func (s *subject) log() plan.Subscription {
	return s.subscription("log", func(context.Context) live.Feed[any] {
		at := int64(0)
		return live.Feed[any]{Subjects: []string{"con_1"}, Next: func(context.Context) (news []any, more bool, err error) {
			s.reads.Add(1)
			for len(news) < 2 && at < s.version.Load() {
				at++
				news = append(news, at)
			}
			return news, len(news) == 2, s.err
		}}
	})
}

func TestEachStreamHasItsOwnPosition(t *testing.T) {
	bubble(t, func(t *testing.T, f *Feeds) {
		s, readers := &subject{}, make([]*listener, 20)
		s.version.Store(3)
		for n := range readers {
			readers[n] = &listener{}
			defer f.Join(caller(t.Context(), fmt.Sprint(n)), s.log(), readers[n])()
		}
		synctest.Wait()
		s.version.Store(5)
		f.Hub.Poke("con_1", 5)
		synctest.Wait()
		for _, r := range readers {
			r.want(t, "", "1", "2", "3", "4", "5")
		}
		s.err = errors.New("broken")
		f.Hub.Poke("con_1", 5)
		synctest.Wait()
		for _, r := range readers {
			r.want(t, "INTERNAL", "1", "2", "3", "4", "5")
		}
	})
}

func TestAStreamWaitsForAReaderWhoHadEnough(t *testing.T) {
	bubble(t, func(t *testing.T, f *Feeds) {
		s, r := &subject{}, &listener{}
		s.version.Store(3)
		r.busy.Store(true)
		defer f.Join(caller(t.Context(), "1"), s.log(), r)()
		time.Sleep(time.Second)
		synctest.Wait()
		if n := s.reads.Load(); n != 0 {
			t.Fatalf("%d reads for a listener who had enough", n)
		}
		r.busy.Store(false)
		time.Sleep(time.Second)
		synctest.Wait()
		r.want(t, "", "1", "2", "3")
	})
}

func TestAListRestsBetweenItsMessages(t *testing.T) {
	bubble(t, func(t *testing.T, f *Feeds) {
		s, n := &subject{}, 0
		list := s.subscription("list", func(context.Context) live.Feed[any] {
			return live.Feed[any]{Subjects: []string{"org_1"}, Gap: 250 * time.Millisecond, Next: func(context.Context) ([]any, bool, error) { n++; return []any{n}, n < 4, nil }}
		})
		r := &listener{}
		leave := f.Join(caller(t.Context(), "1"), list, r)
		time.Sleep(10 * time.Millisecond)
		r.want(t, "", "1")
		f.Hub.Poke("org_1", 0)
		f.Hub.Poke("org_1", 0)
		time.Sleep(250 * time.Millisecond)
		r.want(t, "", "1", "2")
		time.Sleep(500 * time.Millisecond)
		r.want(t, "", "1", "2", "3", "4")
		f.Hub.Poke("org_1", 0)
		time.Sleep(100 * time.Millisecond)
		r.want(t, "", "1", "2", "3", "4")
		leave()
		time.Sleep(time.Second)
		synctest.Wait()
		r.want(t, "", "1", "2", "3", "4")
	})
}

func TestAPieceOfWork(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{"Done": {nil, "complete"}, "Refused": {fault.Unavailable("could_not_ask", "Nobody answers."), "could_not_ask"}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, f *Feeds) {
				s := &subject{}
				work := s.subscription("work", func(ctx context.Context) live.Feed[any] {
					if authz.From(ctx).IP == "" {
						t.Error("a piece of work is counted for the address that asked for it")
					}
					return live.Feed[any]{Run: func(_ context.Context, tell func(any) bool) error {
						tell(1)
						time.Sleep(time.Minute)
						tell(2)
						return c.err
					}}
				})
				one, two := &listener{}, &listener{}
				defer f.Join(caller(t.Context(), "1"), work, one)()
				defer f.Join(caller(t.Context(), "2"), work, two)()
				time.Sleep(2 * time.Minute)
				one.want(t, c.want, "1", "2")
				two.want(t, c.want, "1", "2")
				if n := s.opens.Load(); n != 2 {
					t.Errorf("%d pieces of work for two", n)
				}
			})
		})
	}
}

func TestWorkEndsWithItsReader(t *testing.T) {
	bubble(t, func(t *testing.T, f *Feeds) {
		s, r := &subject{}, &listener{}
		leave := f.Join(caller(t.Context(), "1"), s.subscription("work", func(context.Context) live.Feed[any] {
			return live.Feed[any]{Run: func(ctx context.Context, tell func(any) bool) error {
				tell(1)
				<-ctx.Done()
				if tell(2) {
					t.Error("somebody listens")
				}
				return ctx.Err()
			}}
		}), r)
		synctest.Wait()
		leave()
		synctest.Wait()
		r.want(t, "", "1")
	})
}

func TestAPanicOfAPieceOfWork(t *testing.T) {
	bubble(t, func(t *testing.T, f *Feeds) {
		s, r := &subject{}, &listener{}
		defer f.Join(caller(t.Context(), "1"), s.subscription("work", func(context.Context) live.Feed[any] {
			return live.Feed[any]{Run: func(context.Context, func(any) bool) error { panic("secret") }}
		}), r)()
		synctest.Wait()
		r.want(t, "INTERNAL")
	})
}

// A refusal is that of all who have the same rights, a spent budget only that of whoever spent it.
func TestARefusal(t *testing.T) {
	for name, opens := range map[string]int64{"NOT_FOUND": 1, "RATE_LIMITED": 3} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, f *Feeds) {
				s, readers := &subject{}, []*listener{{}, {}, {}}
				refused := plan.Subscription{Key: "k", Open: func(context.Context) (live.Feed[any], plan.Render, *graphql.Response) {
					s.opens.Add(1)
					time.Sleep(time.Millisecond)
					return live.Feed[any]{}, nil, &graphql.Response{Errors: gqlerror.List{{Message: "No.", Extensions: map[string]any{"code": name, "requestId": "1"}}}}
				}}
				f.mu.Lock() // they come at once
				for n, r := range readers {
					m := &subscriber{sub: refused, caller: new(authz.From(caller(t.Context(), fmt.Sprint(n)))), to: r}
					f.enter(m, keyOf(m))
				}
				f.mu.Unlock()
				time.Sleep(time.Second)
				synctest.Wait()
				for n, r := range readers {
					r.want(t, name)
					r.want(t, fmt.Sprintf(`"requestId":"%d"`, n))
				}
				if s.opens.Load() != opens {
					t.Errorf("%d resolvers", s.opens.Load())
				}
			})
		})
	}
}

func TestAPanicOfAResolver(t *testing.T) {
	bubble(t, func(t *testing.T, f *Feeds) {
		r := &listener{}
		defer f.Join(caller(t.Context(), "1"), plan.Subscription{Key: "k", Open: func(context.Context) (live.Feed[any], plan.Render, *graphql.Response) { panic("secret") }}, r)()
		synctest.Wait()
		r.want(t, "INTERNAL")
	})
}

// someone is a caller of whom everything is said.
func someone() authz.Principal {
	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	return authz.Principal{Kind: authz.WIDGET, Scopes: []authz.Permission{"a"}, AuthTime: at, Widget: &authz.WidgetClaims{Scopes: []string{"VIEW"}, ExpiresAt: at}}
}

// differences are callers who differ from someone in one subscriber each.
func differences(t *testing.T) iter.Seq2[string, authz.Principal] {
	return func(yield func(string, authz.Principal) bool) {
		for n := range reflect.TypeFor[authz.Principal]().NumField() {
			p := someone()
			if f := reflect.TypeFor[authz.Principal]().Field(n); f.Name != "Widget" {
				change(t, reflect.ValueOf(&p).Elem().Field(n))
				yield(f.Name, p)
			}
		}
		for n := range reflect.TypeFor[authz.WidgetClaims]().NumField() {
			p := someone()
			change(t, reflect.ValueOf(p.Widget).Elem().Field(n))
			yield("Widget."+reflect.TypeFor[authz.WidgetClaims]().Field(n).Name, p)
		}
		p := someone()
		p.Widget = nil
		yield("Widget", p)
	}
}

func change(t *testing.T, v reflect.Value) {
	t.Helper()
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = x.Add(time.Second)
		return
	case **ident.RecipeID:
		*x = new(ident.New[ident.RecipeID](time.Now()))
		return
	case interface{ UnmarshalBinary([]byte) error }:
		if err := x.UnmarshalBinary([]byte("0123456789abcdef")); err != nil {
			t.Fatal(err)
		}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int:
		v.SetInt(v.Int() + 1)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(`{"x":1}`))
			return
		}
		one := reflect.New(v.Type().Elem())
		change(t, one.Elem())
		v.Set(reflect.Append(v, one.Elem()))
	default:
		t.Fatalf("a principal has a %s now: say how it differs", v.Type())
	}
}
