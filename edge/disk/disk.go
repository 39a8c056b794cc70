// Package disk is what an edge remembers over its own restart, for the time in which there is no database to ask: the projection, the certificates with their
// private keys, and a few secrets of the house. It is one file of bbolt, in which a change is there as a whole or not at all.
//
// Every value is sealed, and tied to the key under which it stands; keys tell nothing either. The file is written for this one process and read by it alone.
package disk

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
)

// Seal hides values and names; vault.Local is one.
type Seal interface {
	Seal(place, plain []byte) []byte
	Open(place, sealed []byte) ([]byte, error)
	Fresh(sealed []byte) bool
	Name(text string) []byte
}

// Disk is the file. It is safe for concurrent use.
type Disk struct {
	file *bbolt.DB
	seal Seal
}

const (
	name     = "edge.db"
	lockTime = 5 * time.Second // for the process before this one to let go of the file
)

// The buckets. Their names and the format's number change with what stands in them: another format is not read.
var (
	entries      = []byte("entries 1")
	records      = []byte("records 1")
	certificates = []byte("certificates 1")
	secrets      = []byte("secrets 1")
	values       = []byte("values 1")

	generation = []byte("generation")
)

// ErrNothing says that the disk has no projection: the edge has never reached the database from here.
var ErrNothing = errors.New("nothing is remembered here")

// Open opens the file in a directory, which is made when it is missing; only this process's user may read it. A file that is broken is put aside under another
// name, and a new one is begun: what is remembered can be learned again.
func Open(dir string, seal Seal) (*Disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of the edge's memory: %w", err)
	}
	path := filepath.Join(dir, name)
	file, err := open(path)
	if errors.Is(err, bbolt.ErrTimeout) {
		return nil, fmt.Errorf("open %s: another process has it; each edge needs a directory of its own", path)
	}
	if broken := err; broken != nil {
		if err := os.Rename(path, path+".broken"); err != nil {
			return nil, fmt.Errorf("open %s: %w", path, errors.Join(broken, err))
		}
		if file, err = open(path); err != nil {
			return nil, fmt.Errorf("begin %s: %w", path, errors.Join(broken, err))
		}
	}
	return &Disk{file, seal}, nil
}

func open(path string) (file *bbolt.DB, err error) {
	defer survive(&err)
	file, err = bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockTime, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return nil, err
	}
	err = file.Update(func(tx *bbolt.Tx) error {
		for _, b := range [][]byte{entries, records, secrets, certificates, values} {
			if _, err := tx.CreateBucketIfNotExists(b); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// survive makes an error of bbolt's panics over a file whose pages are broken.
func survive(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the edge's memory is broken: %v", p)
	}
}

// Close lets go of the file.
func (d *Disk) Close() error { return d.file.Close() }

// place is what a value is tied to.
func place(bucket, key []byte) []byte { return append(append([]byte{}, bucket...), key...) }

func (d *Disk) put(tx *bbolt.Tx, bucket, key, plain []byte) error {
	return tx.Bucket(bucket).Put(key, d.seal.Seal(place(bucket, key), plain))
}

func (d *Disk) get(tx *bbolt.Tx, bucket, key []byte) ([]byte, error) {
	sealed := tx.Bucket(bucket).Get(key)
	if sealed == nil {
		return nil, nil
	}
	return d.seal.Open(place(bucket, key), sealed)
}

// Write takes a snapshot over, with all set as everything there is. Afterwards it is on the disk, or nothing of it is.
func (d *Disk) Write(s edgeentry.Snapshot, all bool) (err error) {
	defer survive(&err)
	return d.file.Update(func(tx *bbolt.Tx) error {
		if all {
			for _, b := range [][]byte{entries, records, secrets} {
				if err := tx.DeleteBucket(b); err != nil {
					return err
				}
				if _, err := tx.CreateBucket(b); err != nil {
					return err
				}
			}
		}
		for k := range s.Entries {
			e := &s.Entries[k]
			if err := d.write(tx, entries, e.Hostname, e, e.Mode == edgeentry.Gone); err != nil {
				return err
			}
		}
		for k := range s.Records {
			r := &s.Records[k]
			over := r.ExpiresAt != nil && r.ExpiresAt.Before(time.Now())
			if err := d.write(tx, records, r.FQDN+" "+r.Type+" "+r.Value, r, over); err != nil {
				return err
			}
		}
		for k := range s.Secrets {
			if err := d.write(tx, secrets, s.Secrets[k].ApplicationID.String(), signing(s.Secrets[k]), false); err != nil {
				return err
			}
		}
		return d.put(tx, values, generation, binary.BigEndian.AppendUint64(nil, uint64(s.Generation)))
	})
}

func (d *Disk) write(tx *bbolt.Tx, bucket []byte, name string, row any, gone bool) error {
	key := d.seal.Name(name)
	if gone {
		return tx.Bucket(bucket).Delete(key)
	}
	plain, err := json.Marshal(row)
	if err != nil {
		return fmt.Errorf("remember %s: %w", name, err)
	}
	return d.put(tx, bucket, key, plain)
}

// Read answers what was written last; ErrNothing where nothing was. What does not open is left out and counted.
func (d *Disk) Read() (s edgeentry.Snapshot, lost int, err error) {
	defer survive(&err)
	err = d.file.View(func(tx *bbolt.Tx) error {
		raw, err := d.get(tx, values, generation)
		if err != nil {
			return fmt.Errorf("open the edge's memory: %w; was it sealed under another vault.kek?", err)
		}
		if len(raw) != 8 {
			return ErrNothing
		}
		s.Generation = int64(binary.BigEndian.Uint64(raw))
		s.Entries, lost = rows[edgeentry.Entry](d, tx, entries)
		var more int
		s.Records, more = rows[edgeentry.ZoneRecord](d, tx, records)
		lost += more
		signing, more := rows[signs](d, tx, secrets)
		lost += more
		for _, one := range signing {
			s.Secrets = append(s.Secrets, one.secret())
		}
		return nil
	})
	return s, lost, err
}

// signs is an edge secret as it stands on the disk.
type signs struct {
	Application       ident.ApplicationID
	Current, Previous []byte
	PreviousUntil     *time.Time
	Generation        int64
}

func signing(s edgeentry.Secret) signs {
	return signs{s.ApplicationID, []byte(s.Current.Reveal()), []byte(s.Previous.Reveal()), s.PreviousUntil, s.Generation}
}

func (s signs) secret() edgeentry.Secret {
	return edgeentry.Secret{ApplicationID: s.Application, Current: secret.New(string(s.Current)), Previous: secret.New(string(s.Previous)), PreviousUntil: s.PreviousUntil, Generation: s.Generation}
}

func rows[T any](d *Disk, tx *bbolt.Tx, bucket []byte) (out []T, lost int) {
	_ = tx.Bucket(bucket).ForEach(func(key, sealed []byte) error {
		var row T
		plain, err := d.seal.Open(place(bucket, key), sealed)
		if err == nil {
			err = json.Unmarshal(plain, &row)
		}
		if err != nil {
			lost++
			return nil
		}
		out = append(out, row)
		return nil
	})
	return out, lost
}

// Value answers what PutValue kept; nil for nothing.
func (d *Disk) Value(name string) (out []byte, err error) {
	defer survive(&err)
	err = d.file.View(func(tx *bbolt.Tx) error {
		out, err = d.get(tx, values, []byte(name))
		return err
	})
	return out, err
}

// PutValue keeps a value under a name.
func (d *Disk) PutValue(name string, plain []byte) (err error) {
	defer survive(&err)
	return d.file.Update(func(tx *bbolt.Tx) error { return d.put(tx, values, []byte(name), plain) })
}

// chain is a certificate as it stands on the disk.
type chain struct {
	DER [][]byte
	Key []byte // PKCS #8
}

func idOf(id ident.CertificateID) []byte { u := id.UUID(); return u[:] }

// Certificate answers a certificate with its private key; nil when it is not here.
func (d *Disk) Certificate(id ident.CertificateID) (out *tls.Certificate, err error) {
	defer survive(&err)
	var plain []byte
	err = d.file.View(func(tx *bbolt.Tx) error {
		plain, err = d.get(tx, certificates, idOf(id))
		return err
	})
	if err != nil || plain == nil {
		return nil, err
	}
	var c chain
	if err := json.Unmarshal(plain, &c); err != nil || len(c.DER) == 0 {
		return nil, fmt.Errorf("read the certificate %s: %w", id, errors.Join(err, errors.New("its chain is empty")))
	}
	out = &tls.Certificate{Certificate: c.DER}
	if out.PrivateKey, err = x509.ParsePKCS8PrivateKey(c.Key); err != nil {
		return nil, fmt.Errorf("read the key of %s: %w", id, err)
	}
	if out.Leaf, err = x509.ParseCertificate(c.DER[0]); err != nil {
		return nil, fmt.Errorf("read the chain of %s: %w", id, err)
	}
	return out, nil
}

// Lacks answers which of the certificates are not here, or under a former key.
func (d *Disk) Lacks(ids []ident.CertificateID) (out []ident.CertificateID, err error) {
	defer survive(&err)
	err = d.file.View(func(tx *bbolt.Tx) error {
		for _, id := range ids {
			if !d.seal.Fresh(tx.Bucket(certificates).Get(idOf(id))) {
				out = append(out, id)
			}
		}
		return nil
	})
	return out, err
}

// PutCertificates keeps certificates with their keys.
func (d *Disk) PutCertificates(all map[ident.CertificateID]*tls.Certificate) (err error) {
	defer survive(&err)
	return d.file.Update(func(tx *bbolt.Tx) error {
		for id, c := range all {
			key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
			if err != nil {
				return fmt.Errorf("remember the key of %s: %w", id, err)
			}
			plain, err := json.Marshal(chain{c.Certificate, key})
			if err != nil {
				return fmt.Errorf("remember the certificate %s: %w", id, err)
			}
			if err := d.put(tx, certificates, idOf(id), plain); err != nil {
				return err
			}
		}
		return nil
	})
}

// Sweep forgets the certificates that nobody presents any more, and answers how many they were.
func (d *Disk) Sweep(presented map[ident.CertificateID]bool) (gone int, err error) {
	defer survive(&err)
	err = d.file.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(certificates)
		var old [][]byte
		_ = b.ForEach(func(key, _ []byte) error {
			if len(key) != 16 || !presented[ident.From[ident.CertificateID]([16]byte(key))] {
				old = append(old, append([]byte{}, key...))
			}
			return nil
		})
		for _, key := range old {
			if err := b.Delete(key); err != nil {
				return err
			}
		}
		gone = len(old)
		return nil
	})
	return gone, err
}
