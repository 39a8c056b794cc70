package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nameplate-dev/nameplate/graph/plan"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
)

func TestOneReadAndTheSameBytesForAll(t *testing.T) {
	bubble(t, func(t *testing.T, f *Feeds) {
		const many = 1000
		s, readers, leaves := &subject{}, make([]*listener, many), make([]func(), many)
		for n := range readers {
			readers[n] = &listener{}
			leaves[n] = f.Join(caller(t.Context(), fmt.Sprint(n)), s.state(), readers[n])
		}
		synctest.Wait()
		time.Sleep(gather)
		synctest.Wait()
		reads := s.reads.Load()
		if s.opens.Load() != 1 || reads > 2 {
			t.Fatalf("%d resolvers and %d reads", s.opens.Load(), reads)
		}
		for version := range int64(5) {
			s.version.Add(1)
			f.Hub.Poke("con_1", version)
			synctest.Wait()
		}
		if n := s.reads.Load() - reads; n != 5 {
			t.Errorf("%d reads of 5 versions", n)
		}
		for _, r := range readers {
			r.want(t, "", "0", "1", "2", "3", "4", "5")
			for n := range r.got[1:] {
				if &r.got[n+1][0] != &readers[0].got[n+1][0] {
					t.Fatal("the bytes of a version are there twice")
				}
			}
		}
		f.Hub.Poke("con_1", 5) // nothing new
		synctest.Wait()
		readers[0].want(t, "", "0", "1", "2", "3", "4", "5")
		for _, leave := range leaves {
			leave()
			leave()
		}
	})
}

// Whatever tells two callers apart, except where they are and which of several equal tokens they hold, keeps them apart here too.
func TestRightsAreNeverShared(t *testing.T) {
	t.Parallel()
	same := map[string]bool{"IP": true, "Network": true, "UserAgent": true, "Origin": true, "RequestID": true, "Until": true, "Widget.TokenID": true, "Widget.ExpiresAt": true}
	seen := 0
	for name, other := range differences(t) {
		seen++
		a, b := &subscriber{caller: new(someone()), sub: plan.Subscription{Key: "k"}}, &subscriber{caller: &other, sub: plan.Subscription{Key: "k"}}
		if (keyOf(a) == keyOf(b)) != same[name] {
			t.Errorf("%s: shared is %t", name, !same[name])
		}
	}
	if seen < 25 {
		t.Errorf("%d members of a principal were compared", seen)
	}
}

func TestEachReadsAsItself(t *testing.T) {
	bubble(t, func(t *testing.T, f *Feeds) {
		s := &subject{}
		whose := s.subscription("whose", func(context.Context) live.Feed[any] {
			return live.Feed[any]{Subjects: []string{"con_1"}, Now: func(ctx context.Context) (any, int64, error) { return authz.From(ctx).OrgID.String(), 1, nil }}
		})
		readers := map[string]*listener{}
		for range 20 {
			org := ident.New[ident.OrgID](time.Now())
			for range 3 {
				r := &listener{}
				readers[fmt.Sprint(org, len(readers))] = r
				defer f.Join(authz.With(t.Context(), authz.Principal{Kind: authz.USER, OrgID: org}), whose, r)()
			}
		}
		time.Sleep(gather)
		synctest.Wait()
		for org, r := range readers {
			if got, _ := r.all(); len(got) != 1 || !strings.HasPrefix(org, strings.Trim(got[0], `"`)) {
				t.Errorf("%s reads %v", org, got)
			}
		}
		if n := s.opens.Load(); n != 20 {
			t.Errorf("%d resolvers for 20 callers", n)
		}
	})
}

// Text that cannot be written as it is looks alike and is not.
func TestAlikeIsNotTheSame(t *testing.T) {
	bubble(t, func(t *testing.T, f *Feeds) {
		s := &subject{}
		for _, ref := range []string{"\xff", "\xfe"} {
			defer f.Join(authz.With(t.Context(), authz.Principal{Kind: authz.WIDGET, Widget: &authz.WidgetClaims{EndUserRef: ref}}), s.state(), &listener{})()
		}
		synctest.Wait()
		if n := s.opens.Load(); n != 2 {
			t.Errorf("%d resolvers for two end users", n)
		}
	})
}

func TestTheNewestVersionIsNeverLost(t *testing.T) {
	bubble(t, func(t *testing.T, f *Feeds) {
		s, dice, readers := &subject{}, rand.New(rand.NewPCG(1, 2)), []*listener{}
		s.during = func(context.Context) { time.Sleep(time.Duration(s.reads.Load()%3) * time.Millisecond) }
		for n := range 2000 {
			switch dice.IntN(3) {
			case 0:
				r := &listener{}
				readers = append(readers, r)
				leave := f.Join(caller(t.Context(), fmt.Sprint(n)), s.state(), r)
				if dice.IntN(2) == 0 {
					time.AfterFunc(time.Duration(dice.IntN(50))*time.Millisecond, leave)
					readers = readers[:len(readers)-1]
				} else {
					defer leave()
				}
			case 1:
				f.Hub.Poke("con_1", s.version.Add(1))
			default:
				time.Sleep(time.Duration(dice.IntN(5)) * time.Millisecond)
			}
		}
		last := fmt.Sprint(s.version.Load())
		time.Sleep(time.Second)
		synctest.Wait()
		for n, r := range readers {
			got, _ := r.all()
			if len(got) == 0 || got[len(got)-1] != last {
				t.Fatalf("listener %d ends with %v, and %s is the newest", n, got, last)
			}
			before := int64(-1)
			for _, v := range got {
				var version int64
				if _ = json.Unmarshal([]byte(v), &version); version <= before {
					t.Fatalf("version %d after %d", version, before)
				}
				before = version
			}
		}
	})
}

func TestAnOlderReadIsNoNews(t *testing.T) {
	bubble(t, func(t *testing.T, f *Feeds) {
		s, r := &subject{}, &listener{}
		s.version.Store(5)
		defer f.Join(caller(t.Context(), "1"), s.state(), r)()
		synctest.Wait()
		s.version.Store(4) // a replica that is behind
		f.Hub.Poke("con_1", 4)
		synctest.Wait()
		r.want(t, "", "5")
	})
}

func TestWhoJoinsDuringAReadSharesTheNextOne(t *testing.T) {
	bubble(t, func(t *testing.T, f *Feeds) {
		s, late, began, goOn := &subject{}, make([]*listener, 10), make(chan struct{}), make(chan struct{})
		s.during = func(context.Context) { began <- struct{}{}; <-goOn }
		first := &listener{}
		defer f.Join(caller(t.Context(), "0"), s.state(), first)()
		<-began
		s.version.Store(1) // after the read
		for n := range late {
			late[n] = &listener{}
			defer f.Join(caller(t.Context(), fmt.Sprint(n)), s.state(), late[n])()
		}
		goOn <- struct{}{}
		<-began
		goOn <- struct{}{}
		synctest.Wait()
		first.want(t, "", "0", "1")
		for _, r := range late {
			r.want(t, "", "1")
		}
		if n := s.reads.Load(); n != 2 {
			t.Errorf("%d reads", n)
		}
	})
}

func TestWhoLeavesDuringAStepEndsIt(t *testing.T) {
	bubble(t, func(t *testing.T, f *Feeds) {
		s, r, began := &subject{}, &listener{}, make(chan struct{})
		s.during = func(ctx context.Context) { close(began); <-ctx.Done() }
		leave := f.Join(caller(t.Context(), "1"), s.state(), r)
		<-began
		leave()
		synctest.Wait()
		r.want(t, "")
	})
}

func TestALostPokeCostsSeconds(t *testing.T) {
	bubble(t, func(t *testing.T, f *Feeds) {
		s, r := &subject{}, &listener{}
		defer f.Join(caller(t.Context(), "1"), s.state(), r)()
		synctest.Wait()
		s.version.Store(1)
		time.Sleep(live.Again)
		synctest.Wait()
		r.want(t, "", "0", "1")
		time.Sleep(10 * live.Again)
		if n := s.reads.Load(); n < 11 || n > 13 {
			t.Errorf("%d reads in 165 s", n)
		}
	})
}

func TestHowAStateEnds(t *testing.T) {
	secret := errors.New("secret")
	for name, c := range map[string]struct {
		spoil func(s *subject)
		want  string
	}{
		"NoLongerAllowed": {func(s *subject) { s.err = fault.NotFound("connection") }, "NOT_FOUND"},
		"Broken":          {func(s *subject) { s.err = secret }, "INTERNAL"},
		"Panic":           {func(s *subject) { s.during = func(context.Context) { panic("secret") } }, "INTERNAL"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, f *Feeds) {
				s, other, readers := &subject{}, &subject{}, []*listener{{}, {}}
				for n, r := range readers {
					defer f.Join(caller(t.Context(), fmt.Sprint("request", n)), s.state(), r)()
				}
				apart := &listener{}
				defer f.Join(caller(t.Context(), "3"), other.subscription("other", func(context.Context) live.Feed[any] { return other.feed() }), apart)()
				time.Sleep(time.Second)
				synctest.Wait()
				c.spoil(s)
				s.version.Store(1)
				other.version.Store(1)
				f.Hub.Poke("con_1", 1)
				synctest.Wait()
				for n, r := range readers {
					r.want(t, c.want, "0")
					if _, how := r.all(); !strings.Contains(how, fmt.Sprintf(`"requestId":"request%d"`, n)) || strings.Contains(how, "secret") {
						t.Errorf("it ends with %s", how)
					}
				}
				apart.want(t, "", "0", "1")
			})
		})
	}
}

func TestTheLastMessageCompletes(t *testing.T) {
	bubble(t, func(t *testing.T, f *Feeds) {
		s, began, goOn := &subject{}, make(chan struct{}, 1), make(chan struct{}, 9)
		ends := s.subscription("ends", func(context.Context) live.Feed[any] {
			f := s.feed()
			f.Last = func(v any) bool { return v == int64(1) }
			return f
		})
		early, late := &listener{}, &listener{}
		defer f.Join(caller(t.Context(), "1"), ends, early)()
		time.Sleep(time.Second)
		synctest.Wait()
		s.during = func(context.Context) { began <- struct{}{}; <-goOn }
		s.version.Store(1)
		f.Hub.Poke("con_1", 1)
		<-began
		defer f.Join(caller(t.Context(), "2"), ends, late)()
		goOn <- struct{}{}
		goOn <- struct{}{}
		synctest.Wait()
		<-began
		early.want(t, "complete", "0", "1")
		late.want(t, "complete", "1")
	})
}

// allocations of a step do not depend on how many get its bytes.
func TestAFrameForOneMoreCostsNoAllocation(t *testing.T) {
	cost := func(members int) float64 {
		s := &subject{}
		f := &Feeds{Hub: live.NewHub(nil)}
		g := &group{feeds: f, feed: s.feed(), render: s.render, as: t.Context()}
		for range members {
			g.add(&subscriber{to: nowhere{}})
		}
		return testing.AllocsPerRun(100, func() {
			s.version.Add(1)
			if v := g.step(g.members); v.err != nil || !v.news {
				t.Fatal(v)
			}
		})
	}
	if one, many := cost(1), cost(1000); many > one+2 { // the runtime allocates too, now and then
		t.Errorf("a step allocates %v times for one subscriber and %v times for a thousand", one, many)
	}
}

func TestSubscriptionsThatWaitHaveNoGoroutine(t *testing.T) {
	s, f, base := &subject{}, &Feeds{Hub: live.NewHub(nil)}, runtime.NumGoroutine()
	var got sync.WaitGroup
	var leaves []func()
	for n := range 1000 {
		got.Add(1)
		org := authz.With(t.Context(), authz.Principal{Kind: authz.USER, UserID: ident.New[ident.UserID](time.Now()), RequestID: fmt.Sprint(n)})
		leaves = append(leaves, f.Join(org, s.state(), once{&got}))
	}
	got.Wait()
	for late := time.After(10 * time.Second); runtime.NumGoroutine() > base; runtime.Gosched() {
		select {
		case <-late:
			t.Fatalf("%d goroutines for 1000 groups, %d before", runtime.NumGoroutine(), base)
		default:
		}
	}
	for _, leave := range leaves {
		leave()
	}
	if n := f.Hub.Watchers(); n != 0 {
		t.Errorf("%d watchers", n)
	}
}

// What hangs on the resolver's context, such as attention, begins with the first subscriber and ends with the last.
func TestTheContextOfAGroup(t *testing.T) {
	bubble(t, func(t *testing.T, f *Feeds) {
		s, opened := &subject{}, make(chan context.Context, 1)
		state := s.subscription("state", func(ctx context.Context) live.Feed[any] { opened <- ctx; return s.feed() })
		request, end := context.WithCancel(t.Context())
		first := f.Join(caller(request, "1"), state, nowhere{})
		ctx := <-opened
		last := f.Join(caller(t.Context(), "2"), state, nowhere{})
		end()
		first()
		time.Sleep(time.Second)
		if ctx.Err() != nil {
			t.Error("it ended with the first subscriber, or with its request")
		}
		last()
		if ctx.Err() == nil {
			t.Error("it outlives the last subscriber")
		}
	})
}
