package acmeca

import (
	"encoding/json"
	"math/big"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/letsencrypt/pebble/v2/acme"
	"github.com/letsencrypt/pebble/v2/core"
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
	found bool // an order that replaces its certificate finds it
}

// Orders lists every order since the start, oldest first.
func (c *CA) Orders() []Order {
	c.mu.Lock()
	made := slices.Clone(c.orders)
	c.mu.Unlock()
	c.turn.Lock()
	defer c.turn.Unlock()
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

// findReplaced lets Pebble find what an order replaces. It looks for the octets of the serial as they stand in the certificate, which begin with zero where the
// next bit is set (RFC 9773 section 4.1), and keeps its orders by the octets without that: one renewal in 256 would fail.
func (c *CA) findReplaced() {
	c.mu.Lock()
	made := slices.Clone(c.orders)
	c.mu.Unlock()
	for _, o := range made {
		if o.found {
			continue
		}
		stored := c.store.GetOrderByID(o.id)
		if stored == nil {
			continue
		}
		var also *core.Order
		if also, o.found = underWholeSerial(stored); also != nil {
			_ = c.store.AddOrderByIssuedSerial(also) // fails without a certificate, and it has one
		}
	}
}

// underWholeSerial is the order once more, by the serial as its certificate has it; nil where Pebble knows it by that already, or there is no certificate yet.
func underWholeSerial(o *core.Order) (also *core.Order, issued bool) {
	o.RLock()
	defer o.RUnlock()
	if o.CertificateObject == nil {
		return nil, false
	}
	serial := o.CertificateObject.Cert.SerialNumber.Bytes()
	if len(serial) == 0 || serial[0] < 0x80 {
		return nil, true
	}
	cert := *o.CertificateObject
	cert.ID = "00" + cert.ID
	return &core.Order{Order: o.Order, ID: o.ID, AccountID: o.AccountID, Names: o.Names, ExpiresDate: o.ExpiresDate, AuthorizationObjects: o.AuthorizationObjects, CertificateObject: &cert}, true
}

// log keeps an order that was accepted, before its client can act on it.
func (c *CA) log(said *httptest.ResponseRecorder) {
	var made acme.Order
	if json.Unmarshal(said.Body.Bytes(), &made) != nil {
		return
	}
	o := &order{id: path.Base(said.Header().Get("Location")), at: c.now()}
	for _, id := range made.Identifiers {
		o.names = append(o.names, strings.ToLower(id.Value))
	}
	slices.Sort(o.names)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.orders = append(c.orders, o)
}

// Revoked says whether a certificate, named by its serial in hex, was revoked here, and for which reason (RFC 5280 section 5.3.1).
func (c *CA) Revoked(serial string) (reason uint, is bool) {
	n, ok := new(big.Int).SetString(serial, 16)
	if !ok {
		return 0, false
	}
	revoked := c.store.GetRevokedCertificateBySerial(n)
	if revoked == nil {
		return 0, false
	}
	if revoked.Reason != nil {
		reason = *revoked.Reason
	}
	return reason, true
}
