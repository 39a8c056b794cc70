package graph

import (
	"container/list"
	"sync"
)

// maxRecent bounds the documents that are kept, by the nodes that validation visits in them: about half a kilobyte each, 32 MB in all.
const maxRecent = 64_000

// recent keeps the documents of free text that were used last, so that a text that comes again is neither read nor validated. What was refused is not kept.
type recent struct {
	mu    sync.Mutex
	order list.List // of kept, the latest first
	by    map[string]*list.Element
	nodes int
}

type kept struct {
	document
	nodes int
}

func (r *recent) get(text string) (document, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.by[text]
	if !ok {
		return document{}, false
	}
	r.order.MoveToFront(e)
	return e.Value.(kept).document, true
}

func (r *recent) add(d document, nodes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil {
		r.by = map[string]*list.Element{}
	}
	if _, twice := r.by[d.text]; twice {
		return
	}
	nodes += 20 + len(d.text)/512
	r.by[d.text] = r.order.PushFront(kept{d, nodes})
	for r.nodes += nodes; r.nodes > maxRecent; {
		old := r.order.Remove(r.order.Back()).(kept)
		delete(r.by, old.text)
		r.nodes -= old.nodes
	}
}
