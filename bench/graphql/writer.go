package main

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// writer appends JSON.
type writer struct{ b []byte }

func (w *writer) raw(s string) *writer { w.b = append(w.b, s...); return w }

func (w *writer) int(n int64) *writer { w.b = strconv.AppendInt(w.b, n, 10); return w }

func (w *writer) bool(v bool) *writer { w.b = strconv.AppendBool(w.b, v); return w }

func (w *writer) null() *writer { return w.raw("null") }

func (w *writer) text(s string) *writer {
	for n := range len(s) {
		if c := s[n]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			quoted, _ := json.Marshal(s)
			w.b = append(w.b, quoted...)
			return w
		}
	}
	w.b = append(append(append(w.b, '"'), s...), '"')
	return w
}

func (w *writer) maybe(s *string) *writer {
	if s == nil {
		return w.null()
	}
	return w.text(*s)
}

func (w *writer) number(n *int32) *writer {
	if n == nil {
		return w.null()
	}
	return w.int(int64(*n))
}

func (w *writer) texts(all []string) *writer {
	w.raw("[")
	for n, s := range all {
		if n > 0 {
			w.raw(",")
		}
		w.text(s)
	}
	return w.raw("]")
}

func (w *writer) time(t time.Time) *writer {
	w.b = t.UTC().AppendFormat(w.b, `"2006-01-02T15:04:05.000000Z"`)
	return w
}

func (w *writer) instant(t *time.Time) *writer {
	if t == nil {
		return w.null()
	}
	return w.time(*t)
}

// id writes 26 characters of base32 behind a prefix: two zero bits, then the UUID.
func (w *writer) id(prefix string, u uuid.UUID) *writer {
	var wide [20]byte
	copy(wide[4:], u[:])
	var text [32]byte
	crockford.Encode(text[:], wide[:])
	w.b = append(append(append(append(w.b, '"'), prefix...), text[6:]...), '"')
	return w
}

type ratio struct{ Have, Of int64 }

func (w *writer) ratio(r *ratio) *writer {
	if r == nil {
		return w.null()
	}
	return w.raw(`{"have":`).int(r.Have).raw(`,"of":`).int(r.Of).raw("}")
}

// con is a row of the page.
type con struct {
	id, app                          uuid.UUID
	version                          int32
	hostname, unicode, domain, state string
	target, appName                  string
	apex                             bool
	since, created                   time.Time
	facets                           struct{ Ownership, DNS, TLS, Edge facet }
}

type facet struct {
	Value       string
	Servers     *ratio
	Certificate string
}

func scanConnection(r pgx.Rows) (*con, error) {
	var c con
	var facets []byte
	if err := r.Scan(&c.id, &c.version, &c.hostname, &c.unicode, &c.domain, &c.apex, &c.state, &c.since, &c.target, &c.created, &facets, &c.app, &c.appName); err != nil {
		return nil, err
	}
	return &c, json.Unmarshal(facets, &c.facets)
}

func (c *con) write(w *writer, b *below) {
	w.raw(`{"id":`).id("con_", c.id).raw(`,"version":`).int(int64(c.version)).raw(`,"hostname":`).text(c.hostname).raw(`,"unicodeName":`).text(c.unicode).
		raw(`,"registrableDomain":`).text(c.domain).raw(`,"isApex":`).bool(c.apex).raw(`,"state":`).text(c.state).raw(`,"stateSince":`).time(c.since).
		raw(`,"target":`).text(c.target + "." + zone).raw(`,"createdAt":`).time(c.created)
	for n, f := range []*facet{&c.facets.Ownership, &c.facets.DNS, &c.facets.TLS, &c.facets.Edge} {
		w.raw([]string{`,"facets":{"ownership":{"value":`, `,"dns":{"value":`, `,"tls":{"value":`, `,"edge":{"value":`}[n]).text(f.Value).raw(`,"servers":`).ratio(f.Servers).raw("}")
	}
	w.raw(`},"application":{"id":`).id("app_", c.app).raw(`,"name":`).text(c.appName).raw(`},"records":[`)
	w.b = append(w.b, b.lines.b...)
	w.raw(`],"lastCheck":`)
	if len(b.check.b) == 0 {
		w.null()
	} else {
		w.b = append(append(append(w.b, b.check.b...), b.observations.b...), "]}"...)
	}
	w.raw(`,"certificate":`)
	if len(b.certificate.b) == 0 {
		w.null()
	}
	w.b = append(append(w.b, b.certificate.b...), '}')
}

type sight struct {
	Servers []struct {
		Server        string
		Values        []string
		TTL           *int32
		Authoritative bool
		At            time.Time
	}
}

func line(r pgx.Rows, of map[uuid.UUID]*below) error {
	var (
		con, id                        uuid.UUID
		key, kind, fqdn, value, status string
		ttl                            int32
		servers                        ratio
		observed                       []byte
		seen                           sight
	)
	if err := r.Scan(&con, &id, &key, &kind, &fqdn, &value, &ttl, &status, &servers.Have, &servers.Of, &observed); err != nil {
		return err
	}
	if string(observed) != "[]" { // the column's default
		if err := json.Unmarshal(observed, &seen); err != nil {
			return err
		}
	}
	w := &of[con].lines
	if len(w.b) > 0 {
		w.raw(",")
	}
	w.raw(`{"id":`).id("rec_", id).raw(`,"key":`).text(key).raw(`,"type":`).text(kind).raw(`,"fqdn":`).text(fqdn).
		raw(`,"value":`).text(value).raw(`,"ttl":`).int(int64(ttl)).raw(`,"status":`).text(status).raw(`,"servers":`)
	if servers.Of > 0 {
		w.ratio(&servers)
	} else {
		w.null()
	}
	w.raw(`,"observed":[`)
	for n, s := range seen.Servers {
		if n > 0 {
			w.raw(",")
		}
		w.raw(`{"server":`).text(s.Server).raw(`,"values":`).texts(s.Values).raw(`,"ttl":`).number(s.TTL).raw(`,"authoritative":`).bool(s.Authoritative).raw(`,"at":`).time(s.At).raw("}")
	}
	w.raw("]}")
	return nil
}

func check(r pgx.Rows, of map[uuid.UUID]*below) error {
	var (
		con, id  uuid.UUID
		trigger  string
		started  time.Time
		finished *time.Time
		verdict  *string
		queries  int32
		took     *int32
	)
	if err := r.Scan(&con, &id, &trigger, &started, &finished, &verdict, &queries, &took); err != nil {
		return err
	}
	of[con].check.raw(`{"id":`).id("chk_", id).raw(`,"trigger":`).text(trigger).raw(`,"startedAt":`).time(started).raw(`,"finishedAt":`).instant(finished).raw(`,"verdict":`).maybe(verdict).
		raw(`,"queries":`).int(int64(queries)).raw(`,"durationMs":`).number(took).raw(`,"observations":[`)
	return nil
}

func observation(r pgx.Rows, of map[uuid.UUID]*below) error {
	var (
		con, id                         uuid.UUID
		kind, source, rtype, name, code string
		family                          int16
		data                            []string
		ttl                             *int32
		authoritative                   bool
		elapsed                         int32
	)
	if err := r.Scan(&con, &id, &kind, &source, &family, &rtype, &name, &data, &ttl, &code, &authoritative, &elapsed); err != nil {
		return err
	}
	w := &of[con].observations
	if len(w.b) > 0 {
		w.raw(",")
	}
	w.raw(`{"id":`).id("obs_", id).raw(`,"sourceKind":`).text(kind).raw(`,"source":`).text(source).raw(`,"family":`).int(int64(family)).raw(`,"type":`).text(rtype).raw(`,"name":`).text(name).
		raw(`,"values":`).texts(data).raw(`,"ttl":`).number(ttl).raw(`,"rcode":`).text(code).raw(`,"authoritative":`).bool(authoritative).raw(`,"elapsedUs":`).int(int64(elapsed)).raw("}")
	return nil
}

// certificate keeps the one that counts: that which the connection's facet names, else the newest.
func certificate(r pgx.Rows, of map[uuid.UUID]*below, named map[uuid.UUID]string) error {
	var (
		con, id            uuid.UUID
		status             string
		issuer, serial     *string
		from, until, renew *time.Time
		names              []string
	)
	if err := r.Scan(&con, &id, &status, &issuer, &serial, &from, &until, &renew, &names); err != nil {
		return err
	}
	b := of[con]
	var text writer
	match := string(text.id("crt_", id).b) == `"`+named[con]+`"`
	if len(b.certificate.b) > 0 && !match {
		return nil
	}
	if until != nil && status == "ISSUED" && time.Now().After(*until) {
		status = "EXPIRED"
	}
	b.certificate.b = b.certificate.b[:0]
	b.certificate.raw(`{"id":`).raw(string(text.b)).raw(`,"status":`).text(status).raw(`,"issuer":`).maybe(issuer).raw(`,"serial":`).maybe(serial).raw(`,"notBefore":`).instant(from).
		raw(`,"notAfter":`).instant(until).raw(`,"renewAt":`).instant(renew).raw(`,"names":`).texts(names).raw("}")
	return nil
}
