package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strconv"
	"sync"

	"github.com/gorilla/websocket"
	"github.com/redis/go-redis/v9"
)

// bareHub is the limit of live: the hub of gorilla/websocket's own chat example, a reader and a writer for each socket. It puts the version of a poke into
// a frame that it has ready and asks nobody anything.
type bareHub struct {
	mu   sync.Mutex
	now  map[string]int64
	subs map[string]map[*seat]struct{}
}

type seat struct {
	send chan *websocket.PreparedMessage
}

// hub is the process.
func hub(ctx context.Context) error {
	opts, err := redis.ParseURL(os.Getenv("BENCH_REDIS"))
	if err != nil {
		return err
	}
	r := redis.NewClient(opts)
	defer r.Close()
	h := &bareHub{now: map[string]int64{}, subs: map[string]map[*seat]struct{}{}}
	pokes := r.Subscribe(ctx, channel)
	if _, err := pokes.Receive(ctx); err != nil {
		return err
	}
	go func() {
		for m := range pokes.Channel(redis.WithChannelSize(10_000)) {
			var p poke
			if json.Unmarshal([]byte(m.Payload), &p) == nil {
				h.tell(p)
			}
		}
	}()
	s := &http.Server{Addr: os.Getenv("BENCH_LISTEN"), Handler: h}
	context.AfterFunc(ctx, func() { s.Close() })
	if err := s.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// frame is what our server sends for documents/watch.graphql.
func frame(p poke) *websocket.PreparedMessage {
	b := append([]byte(`{"id":"1","type":"next","payload":{"data":{"connectionProgress":{"id":"`), p.Subject...)
	b = strconv.AppendInt(append(b, `","version":`...), p.Version, 10)
	b = append(b, `,"hostname":"www.customer1234.tenant1.example","state":"LIVE","facets":{"dns":{"value":"correct"}}}}}}`...)
	m, err := websocket.NewPreparedMessage(websocket.TextMessage, b)
	if err != nil {
		panic(err)
	}
	return m
}

func (h *bareHub) tell(p poke) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now[p.Subject] = p.Version
	m := frame(p)
	for s := range h.subs[p.Subject] {
		select {
		case s.send <- m:
		default: // as in the example: who does not keep up is cut
			delete(h.subs[p.Subject], s)
			close(s.send)
		}
	}
}

func (h *bareHub) enter(subject string, s *seat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.subs[subject] == nil {
		h.subs[subject] = map[*seat]struct{}{}
	}
	h.subs[subject][s] = struct{}{}
	s.send <- frame(poke{subject, max(1, h.now[subject])})
}

func (h *bareHub) leave(subject string, s *seat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, in := h.subs[subject][s]; in {
		delete(h.subs[subject], s)
		close(s.send)
	}
}

var upgrader = websocket.Upgrader{Subprotocols: []string{"graphql-transport-ws"}, ReadBufferSize: 1024, WriteBufferSize: 1024}

func (h *bareHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/healthz" {
		return
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	s, subject := &seat{send: make(chan *websocket.PreparedMessage, 64)}, ""
	for {
		var m struct {
			Type    string
			Payload struct{ Variables struct{ ID string } }
		}
		if conn.ReadJSON(&m) != nil {
			break
		}
		switch m.Type {
		case "connection_init":
			_ = conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"connection_ack"}`))
		case "subscribe":
			subject = m.Payload.Variables.ID
			h.enter(subject, s)
			go func() {
				for m := range s.send {
					if conn.WritePreparedMessage(m) != nil {
						break
					}
				}
				conn.Close()
			}()
		}
	}
	h.leave(subject, s)
}
