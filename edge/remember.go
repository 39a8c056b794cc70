package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nameplate-dev/nameplate/edge/disk"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

const (
	firstTime     = 5 * time.Second // for the database at the start, when there is a disk to begin with instead
	rememberEvery = time.Second     // what is put into force and not on the disk yet
	fetchAgain    = 10 * time.Second
	sweepEvery    = 10 * time.Minute
	fetchBatch    = 128
	unreadMost    = 8
)

// memory brings what is in force to the disk, a moment later and beside everything else: nobody waits for a disk.
type memory struct {
	mu      sync.Mutex
	pending *edgeentry.Snapshot // nil: nothing is to be written
	all     bool                // pending is everything
	lacking atomic.Int64        // certificates that are wanted on the disk
	entries map[string]int      // where a name, or a record, stands in pending
	records map[string]int
}

// note takes down what was put into force. The later of two for the same name counts.
func (m *memory) note(s edgeentry.Snapshot, all bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if all || m.pending == nil {
		m.all = all
		m.pending, m.entries, m.records = &edgeentry.Snapshot{}, make(map[string]int, len(s.Entries)), make(map[string]int, len(s.Records))
	}
	m.pending.Generation = s.Generation
	m.pending.Secrets = append(m.pending.Secrets, s.Secrets...) // few, and the later is written later
	for _, e := range s.Entries {
		if at, known := m.entries[e.Hostname]; known {
			m.pending.Entries[at] = e
			continue
		}
		m.entries[e.Hostname] = len(m.pending.Entries)
		m.pending.Entries = append(m.pending.Entries, e)
	}
	for _, r := range s.Records {
		key := r.FQDN + " " + r.Type + " " + r.Value
		if at, known := m.records[key]; known {
			m.pending.Records[at] = r
			continue
		}
		m.records[key] = len(m.pending.Records)
		m.pending.Records = append(m.pending.Records, r)
	}
}

// take hands over what is to be written.
func (m *memory) take() (s edgeentry.Snapshot, all, some bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pending == nil {
		return s, false, false
	}
	s, all = *m.pending, m.all
	m.pending, m.all, m.entries, m.records = nil, false, nil, nil
	return s, all, true
}

// behind is how many names, records and certificates in force the disk does not have yet.
func (m *memory) behind() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := int(m.lacking.Load())
	if m.pending != nil {
		n += max(1, len(m.pending.Entries)+len(m.pending.Records)+len(m.pending.Secrets))
	}
	return n
}

// giveBack is for what could not be written: what came since counts.
func (m *memory) giveBack(s edgeentry.Snapshot, all bool) {
	since, everything, some := m.take()
	if some && everything {
		m.note(since, true)
		return
	}
	m.note(s, all)
	if some {
		m.note(since, false)
	}
}

// remember writes until ctx ends, and then what is left.
func (e *Edge) remember(ctx context.Context) {
	t, sweep := time.NewTicker(rememberEvery), time.NewTicker(sweepEvery)
	defer t.Stop()
	defer sweep.Stop()
	var last error
	var again time.Time // when the certificates are asked for that could not be read
	wanted := map[ident.CertificateID]bool{}
	for ended := false; !ended; {
		select {
		case <-ctx.Done():
			ended = true
		case <-t.C:
		case <-sweep.C:
			e.sweepDisk()
			continue
		}
		err := e.writeDisk(wanted)
		if err != nil && (last == nil || err.Error() != last.Error()) {
			e.Log.Error("the edge cannot write its disk: after a restart without the database it would serve what stands there", "err", err)
		}
		if last = err; !ended && len(wanted) > 0 && time.Now().After(again) && !e.fetch(ctx, wanted) {
			again = time.Now().Add(fetchAgain)
		}
		e.memory.lacking.Store(int64(len(wanted)))
	}
}

// writeDisk brings the disk to what is in force, and notes which certificates it lacks then.
func (e *Edge) writeDisk(wanted map[ident.CertificateID]bool) error {
	s, all, some := e.memory.take()
	if !some {
		return nil
	}
	if err := e.Disk.Write(s, all); err != nil {
		e.memory.giveBack(s, all)
		return err
	}
	var ids []ident.CertificateID
	for _, entry := range s.Entries {
		if entry.CertificateID != nil {
			ids = append(ids, *entry.CertificateID)
		}
	}
	lacks, err := e.Disk.Lacks(ids)
	for _, id := range lacks {
		wanted[id] = true
	}
	e.memory.lacking.Store(int64(len(wanted)))
	return err
}

// fetch copies certificates to the disk, for a moment: the next turn goes on. Those that cannot be read now stay wanted and make it false; those that nobody
// presents any more are not wanted.
func (e *Edge) fetch(ctx context.Context, wanted map[ident.CertificateID]bool) bool {
	presented := e.table.certificates()
	maps.DeleteFunc(wanted, func(id ident.CertificateID, _ bool) bool { return !presented[id] })
	batch := map[ident.CertificateID]*tls.Certificate{}
	flush := func() bool {
		if err := e.Disk.PutCertificates(batch); err != nil {
			e.Log.Error("the edge cannot remember certificates", "err", err)
			return false
		}
		for id := range batch {
			delete(wanted, id)
		}
		clear(batch)
		return true
	}
	failed, began := 0, time.Now()
	for id := range wanted {
		if failed > unreadMost || ctx.Err() != nil || time.Since(began) > rememberEvery {
			break // the database is away, the edge ends, or there are many
		}
		one, cancel := context.WithTimeout(ctx, keyTime)
		c, err := e.Keys.Load(one, id)
		cancel()
		if err == nil && c == nil {
			err = errNoCertificate
		}
		if err != nil {
			failed++
			e.Log.Debug("read a certificate for the disk", "certificate", id, "err", err)
			continue
		}
		if batch[id] = c; len(batch) == fetchBatch && !flush() {
			return false
		}
	}
	return flush() && failed == 0
}

func (e *Edge) sweepDisk() {
	gone, err := e.Disk.Sweep(e.table.certificates())
	if err != nil {
		e.Log.Error("the edge cannot forget certificates", "err", err)
	} else if gone > 0 {
		e.Log.Debug("forgot certificates that nobody presents any more", "count", gone)
	}
}

// recall puts into force what the disk remembers, and says whether it could.
func (e *Edge) recall() bool {
	if e.Disk == nil {
		return false
	}
	s, lost, err := e.Disk.Read()
	if err != nil {
		if !errors.Is(err, disk.ErrNothing) {
			e.Log.Error("read the edge's disk", "err", err)
		}
		return false
	}
	e.recalled.Store(true)
	e.put(s, true)
	e.Log.Warn("the edge serves what its disk remembers, until the database answers", "generation", s.Generation, "names", len(s.Entries), "lost", lost)
	return true
}

// rememberedKeys looks at the disk first: a certificate never changes under its id.
type rememberedKeys struct {
	disk *disk.Disk
	from Keys
}

func (k rememberedKeys) Load(ctx context.Context, id ident.CertificateID) (*tls.Certificate, error) {
	if c, err := k.disk.Certificate(id); err == nil && c != nil {
		return c, nil
	}
	return k.from.Load(ctx, id)
}
