package acmeca

import (
	"crypto/x509"
	"math/big"
	"testing"

	"github.com/letsencrypt/pebble/v2/core"
	"github.com/letsencrypt/pebble/v2/db"
)

// A renewal names its certificate by the whole serial, whose first octet is zero where the next bit is set (RFC 9773 section 4.1): what it replaces is found then too.
func TestFindReplaced(t *testing.T) {
	t.Parallel()
	c := &CA{store: db.NewMemoryStore()}
	for id, serial := range map[string]int64{"high": 0x80ff, "low": 0x7fff} {
		o := &core.Order{ID: id, AccountID: "account-" + id, CertificateObject: &core.Certificate{ID: big.NewInt(serial).Text(16), Cert: &x509.Certificate{SerialNumber: big.NewInt(serial)}}}
		if _, err := c.store.AddOrder(o); err != nil {
			t.Fatal(err)
		}
		if err := c.store.AddOrderByIssuedSerial(o); err != nil {
			t.Fatal(err)
		}
		c.orders = append(c.orders, &order{id: id})
	}
	c.orders = append(c.orders, &order{id: "gone"})
	c.findReplaced()
	first, err := c.store.GetOrderByIssuedSerial("0080ff")
	if err != nil || first.AccountID != "account-high" {
		t.Fatalf("%+v, %v", first, err)
	}
	if err := c.store.UpdateReplacedOrder("0080ff", true); err != nil {
		t.Fatal(err)
	}
	c.findReplaced()
	if again, _ := c.store.GetOrderByIssuedSerial("0080ff"); !again.IsReplaced {
		t.Error("that it was replaced is forgotten")
	}
	if _, err := c.store.GetOrderByIssuedSerial("007fff"); err == nil {
		t.Error("a serial that never stood there is found")
	}
}
