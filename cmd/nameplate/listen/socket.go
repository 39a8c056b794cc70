package listen

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

const (
	silence   = 45 * time.Second // without a word the connection counts as lost; the server pings more often
	maxAnswer = 8 << 20          // one message of the server: 200 events, each below 20 kB
	ahead     = 4                // batches that wait for the local server; more stay with the API
)

// batch is what one message of the subscription brings.
type batch struct {
	Cursor   string
	Messages []message
}

// message is one webhook.
type message struct {
	WebhookID string
	Topic     string
	At        time.Time
	Body      string
}

// frame is one message of graphql-transport-ws.
type frame struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

const subscription = `subscription($app: ID!, $topics: [String!], $after: String) {
  webhookMessages(applicationId: $app, topics: $topics, after: $after) { cursor messages { webhookId topic at body } }
}`

// listen serves one connection until it is lost. began says that the server took the subscription; after moves on with each batch that was handed on.
func (l *Listener) listen(ctx context.Context, app string, after *string) (began bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c, err := l.dial(ctx)
	if err != nil {
		return false, err
	}
	defer c.Close()
	context.AfterFunc(ctx, func() { // wakes who reads
		_ = c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
		_ = c.SetReadDeadline(time.Now())
	})
	variables := map[string]any{"app": app}
	if len(l.Topics) > 0 {
		variables["topics"] = l.Topics
	}
	if *after != "" {
		variables["after"] = *after
	}
	if err := l.subscribe(c, variables); err != nil {
		return false, err
	}
	batches, ended := make(chan batch, ahead), make(chan error, 1)
	go func() {
		defer close(batches)
		ended <- read(ctx, c, batches)
	}()
	for b := range batches {
		if !began {
			began = true
			l.connected(*after != "")
		}
		for _, m := range b.Messages {
			if l.seen.knows(m.WebhookID) {
				continue
			}
			l.hand(ctx, m)
			if ctx.Err() != nil {
				cancel()
				<-ended
				return began, ctx.Err()
			}
			l.seen.add(m.WebhookID)
		}
		*after = b.Cursor
	}
	return began, <-ended
}

func (l *Listener) dial(ctx context.Context) (*websocket.Conn, error) {
	d := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, HandshakeTimeout: 10 * time.Second, Proxy: http.ProxyFromEnvironment, EnableCompression: true}
	target := "ws" + strings.TrimPrefix(strings.TrimSuffix(l.Server, "/"), "http") + "/graphql"
	c, res, err := d.DialContext(ctx, target, nil)
	if err != nil {
		if res != nil {
			return nil, fmt.Errorf("the server answers %s", res.Status)
		}
		return nil, reason(err)
	}
	c.SetReadLimit(maxAnswer)
	c.SetPingHandler(func(data string) error {
		_ = c.SetReadDeadline(time.Now().Add(silence))
		return c.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(time.Second))
	})
	return c, nil
}

// subscribe introduces itself and asks for the messages.
func (l *Listener) subscribe(c *websocket.Conn, variables map[string]any) error {
	who, _ := json.Marshal(map[string]string{"authorization": "Bearer " + l.Key.Reveal()})
	what, _ := json.Marshal(map[string]any{"query": subscription, "variables": variables})
	if err := write(c, frame{Type: "connection_init", Payload: who}); err != nil {
		return err
	}
	for {
		f, err := next(c)
		if err != nil {
			return err
		}
		switch f.Type {
		case "connection_ack":
			return write(c, frame{ID: "1", Type: "subscribe", Payload: what})
		case "ping":
			if err := write(c, frame{Type: "pong"}); err != nil {
				return err
			}
		}
	}
}

func write(c *websocket.Conn, f frame) error {
	raw, err := json.Marshal(f)
	if err != nil {
		return err
	}
	_ = c.SetWriteDeadline(time.Now().Add(10 * time.Second))
	return c.WriteMessage(websocket.TextMessage, raw)
}

func next(c *websocket.Conn) (f frame, err error) {
	_ = c.SetReadDeadline(time.Now().Add(silence))
	_, raw, err := c.ReadMessage()
	if err != nil {
		return f, closed(err)
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		return f, errors.New("the server says what is no message")
	}
	return f, nil
}

// closed tells what an end means. 4403 is the end of the credential; the rest mends itself.
func closed(err error) error {
	end, ok := errors.AsType[*websocket.CloseError](err)
	switch {
	case !ok:
		return err
	case end.Code == 4403:
		return &Fatal{"credential", "the API key is refused, or has ended"}
	case end.Code >= 4400 && end.Code < 4500 && end.Code != 4408 && end.Code != 4429:
		return &Fatal{"protocol", fmt.Sprintf("the server ended the connection with %d %s", end.Code, end.Text)}
	case end.Text != "":
		return fmt.Errorf("the server ended the connection: %s", end.Text)
	}
	return errors.New("the server ended the connection")
}

// read hands on what the server says until it says no more.
func read(ctx context.Context, c *websocket.Conn, batches chan<- batch) error {
	for {
		f, err := next(c)
		if err != nil {
			return err
		}
		switch f.Type {
		case "ping":
			err = write(c, frame{Type: "pong"})
		case "complete":
			return errors.New("the server has ended the subscription")
		case "error":
			var list []problem
			if err := json.Unmarshal(f.Payload, &list); err != nil || len(list) == 0 {
				return errors.New("the server refused the subscription")
			}
			if list[0].mends() {
				return errors.New(list[0].Message)
			}
			return list[0].fatal()
		case "next":
			var p struct {
				Data   *struct{ WebhookMessages *batch }
				Errors []problem
			}
			if err := json.Unmarshal(f.Payload, &p); err != nil {
				return errors.New("the server says what is no message")
			}
			if len(p.Errors) > 0 && p.Errors[0].mends() {
				return errors.New(p.Errors[0].Message)
			} else if len(p.Errors) > 0 {
				return p.Errors[0].fatal()
			}
			if p.Data == nil || p.Data.WebhookMessages == nil {
				continue
			}
			select {
			case batches <- *p.Data.WebhookMessages:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err != nil {
			return err
		}
	}
}

// remembered is how many messages are known by their ids: more than two seconds of any TEST application.
const remembered = 20_000

// recent knows the messages that were handed on last.
type recent struct {
	ids  map[string]bool
	turn []string
	at   int
}

func (r *recent) knows(id string) bool { return r.ids[id] }

func (r *recent) add(id string) {
	if r.ids == nil {
		r.ids, r.turn = map[string]bool{}, make([]string, remembered)
	}
	delete(r.ids, r.turn[r.at])
	r.turn[r.at], r.ids[id] = id, true
	r.at = (r.at + 1) % remembered
}
