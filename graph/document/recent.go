package document

import (
	"container/list"
	"sync"
)

// maxRecent bounds the documents that are kept, by the nodes that validation visits in them: about half a kilobyte each, 32 MB in all.
const maxRecent = 64_000

// Recent keeps the documents of free text that were used last, so that a text that comes again is neither read nor validated. What was refused is not kept.
type Recent struct {
	mu    sync.Mutex
	order list.List // of kept, the latest first
	by    map[string]*list.Element
	nodes int
}

type kept struct {
	Document
	nodes int
}

// Get answers the document of a text that is kept.
func (r *Recent) Get(text string) (Document, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.by[text]
	if !ok {
		return Document{}, false
	}
	r.order.MoveToFront(e)
	return e.Value.(kept).Document, true
}

// Add keeps a document of so many nodes, as Read counts them, and forgets others when there is no room for it.
func (r *Recent) Add(d Document, nodes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil {
		r.by = map[string]*list.Element{}
	}
	if _, twice := r.by[d.Text]; twice {
		return
	}
	nodes += 20 + len(d.Text)/512
	r.by[d.Text] = r.order.PushFront(kept{d, nodes})
	for r.nodes += nodes; r.nodes > maxRecent; {
		old := r.order.Remove(r.order.Back()).(kept)
		delete(r.by, old.Text)
		r.nodes -= old.nodes
	}
}
