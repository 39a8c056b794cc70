package graph

// sink is one subscriber of a feed: an operation on a socket or an event stream. None of its methods blocks, and none calls back.
type sink interface {
	// next takes one response, {"data":…}. It is shared with others and never changed.
	next(payload []byte)
	// fail takes a JSON list of errors; it is the last message.
	fail(errors []byte)
	// complete says that nothing comes any more.
	complete()
}
