package acmeca

import (
	"bytes"
	"encoding/json"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/letsencrypt/pebble/v2/acme"
)

// Order is one order as the CA sees it now.
type Order struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"` // the world's time
	Names    []string  `json:"names"`
	Status   string    `json:"status"` // pending, ready, processing, valid, invalid
	Problem  string    `json:"problem,omitempty"`
	Replaces string    `json:"replaces,omitempty"` // the certificate that it renews, as the client named it (RFC 9773)
	Serial   string    `json:"serial,omitempty"`   // of the certificate, hex
	NotAfter time.Time `json:"notAfter,omitzero"`
}

type order struct {
	id    string
	at    time.Time
	names []string
}

// Orders lists every order since the start, oldest first.
func (c *CA) Orders() []Order {
	c.mu.Lock()
	made := slices.Clone(c.orders)
	c.mu.Unlock()
	out := make([]Order, 0, len(made))
	for _, o := range made {
		out = append(out, c.read(o))
	}
	return out
}

// OrdersFor lists those that contain a name.
func (c *CA) OrdersFor(name string) []Order {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return slices.DeleteFunc(c.Orders(), func(o Order) bool { return !slices.Contains(o.Names, name) })
}

// read says how an order stands.
func (c *CA) read(o *order) Order {
	out := Order{ID: o.id, At: o.at, Names: slices.Clone(o.names)}
	stored := c.store.GetOrderByID(o.id)
	if stored == nil {
		return out
	}
	stored.RLock()
	defer stored.RUnlock()
	out.Status, out.Replaces = stored.Status, stored.Replaces
	if stored.Error != nil {
		out.Problem = stored.Error.Detail
	}
	if cert := stored.CertificateObject; cert != nil {
		out.Serial, out.NotAfter = cert.ID, cert.Cert.NotAfter
	}
	return out
}

// newOrder passes a new order on and logs it when it was accepted.
func (c *CA) newOrder(w http.ResponseWriter, r *http.Request) {
	var body bytes.Buffer
	c.inner.ServeHTTP(&tee{ResponseWriter: w, body: &body, created: func() {
		var made acme.Order
		if json.Unmarshal(body.Bytes(), &made) != nil {
			return
		}
		o := &order{id: path.Base(w.Header().Get("Location")), at: c.now()}
		for _, id := range made.Identifiers {
			o.names = append(o.names, strings.ToLower(id.Value))
		}
		slices.Sort(o.names)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.orders = append(c.orders, o)
	}}, r)
}

// tee reads a created answer along the way, before the client can act on it.
type tee struct {
	http.ResponseWriter
	body    *bytes.Buffer
	status  int
	created func()
}

func (t *tee) WriteHeader(status int) {
	t.status = status
	t.ResponseWriter.WriteHeader(status)
}

func (t *tee) Write(p []byte) (int, error) {
	if t.status == http.StatusCreated && t.created != nil {
		t.body.Write(p)
		t.created()
		t.created = nil
	}
	return t.ResponseWriter.Write(p)
}
