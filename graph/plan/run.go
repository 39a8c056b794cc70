package plan

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// Run is one execution of a plan: the JSON so far, and where in it the walk is. Only its own goroutine uses it.
type Run struct {
	e     *Executable
	ctx   context.Context
	op    *graphql.OperationContext
	calls []Call // by field.n; one without a field was not made yet
	path  []step
	out   []byte
}

// step is a member of an object, or, without a field, an element of a list.
type step struct {
	field *field
	index int
}

// runs are kept for the next one, with the room that they grew.
var runs = sync.Pool{New: func() any { return &Run{} }}

// maxKept is the room that a run keeps, in bytes: one huge answer must not stay for ever.
const maxKept = 1 << 20

// run executes a plan and answers its data. The context's error list takes the errors.
func (e *Executable) run(ctx context.Context, op *graphql.OperationContext, p *plan, root any) []byte {
	r := runs.Get().(*Run)
	r.e, r.ctx, r.op = e, ctx, op
	r.calls = append(r.calls[:0], make([]Call, p.calls)...)
	r.path, r.out = r.path[:0], r.out[:0]
	if !r.object(p.root, root) {
		r.out = append(r.out, "null"...)
	}
	data := append(make([]byte, 0, len(r.out)), r.out...)
	clear(r.calls)
	clear(r.path[:cap(r.path)])
	*r = Run{calls: r.calls, path: r.path, out: r.out}
	if cap(r.out) <= maxKept {
		runs.Put(r)
	}
	return data
}

// object writes what is selected of an object, and answers false when a member is null that must not be: then the object is null. It goes on to the end
// all the same, because the errors of the other members are told too.
func (r *Run) object(s *selection, of any) bool {
	start, top, whole := len(r.out), len(r.path), true
	r.out = append(r.out, '{')
	r.path = append(r.path, step{})
	for n, f := range s.fields {
		if n > 0 {
			r.out = append(r.out, ',')
		}
		r.out = append(r.out, f.key...)
		if f.constant != "" {
			r.out = append(r.out, f.constant...)
			continue
		}
		r.path[top].field = f
		if !r.field(f, of) && f.must {
			whole = false
		}
	}
	r.path = r.path[:top]
	if !whole {
		r.out = r.out[:start]
		return false
	}
	r.out = append(r.out, '}')
	return true
}

// field writes the value of a field, or null. A panic is an error of the field.
func (r *Run) field(f *field, of any) (written bool) {
	mark, top := len(r.out), len(r.path)
	if f.nth > 0 {
		before := r.ctx
		r.ctx = door.Nth(before, f.nth)
		defer func() { r.ctx = before }()
	}
	defer func() {
		if written {
			return
		}
		if p := recover(); p != nil {
			r.path = r.path[:top]
			ctx := r.FieldContext()
			r.op.Error(ctx, r.op.Recover(ctx, p))
		}
		r.out = append(r.out[:mark], "null"...)
	}()
	fc, ok := r.call(f)
	return ok && f.read.Write(r, fc, of)
}

// call reads the arguments of a field and asks whether the caller may have it, once a run: they are the same for all objects. What fails is said of each.
func (r *Run) call(f *field) (*Call, bool) {
	if f.n < 0 {
		return &f.call, true
	}
	c := &r.calls[f.n]
	if c.field != nil {
		return c, true
	}
	if f.read.Args != nil {
		ctx := r.FieldContext()
		args, err := f.read.Args(ctx, f.at.ArgumentMap(r.op.Variables))
		if err != nil {
			r.op.Error(ctx, err)
			return nil, false
		}
		c.Args = args
	}
	if f.guarded && r.e.May != nil {
		if err := r.e.May(r.ctx, f.at.Definition); err != nil {
			return nil, r.Fail(err)
		}
	}
	c.field = f
	return c, true
}

// Object writes what the field selects of the one object type that it answers.
func (r *Run) Object(fc *Call, v any) bool { return r.object(fc.field.object, v) }

// As writes what the field selects of an object of this type, where it answers several.
func (r *Run) As(name string, fc *Call, v any) bool { return r.object(fc.field.types[name], v) }

// Unknown is a value of an interface's field that is no object of the schema: a mistake of ours.
func (r *Run) Unknown(v any) bool {
	if v == nil {
		return false
	}
	panic(fmt.Errorf("unexpected type %T", v))
}

// List writes a list. must says that no element may be null, else the list is.
func List[T any](r *Run, fc *Call, list []T, write func(*Run, *Call, T) bool, must bool) bool {
	return r.list(len(list), must, func(n int) bool { return write(r, fc, list[n]) })
}

// Structs writes a list of objects that are kept by value.
func Structs[T any](r *Run, fc *Call, list []T, write func(*Run, *Call, *T) bool, must bool) bool {
	return r.list(len(list), must, func(n int) bool { return write(r, fc, &list[n]) })
}

func (r *Run) list(length int, must bool, write func(n int) bool) bool {
	start, top, whole := len(r.out), len(r.path), true
	r.out = append(r.out, '[')
	r.path = append(r.path, step{})
	for n := range length {
		r.path[top].index = n
		if err := r.ctx.Err(); err != nil { // nobody waits for the rest
			r.Fail(err)
			whole = false
			break
		}
		if n > 0 {
			r.out = append(r.out, ',')
		}
		if mark := len(r.out); !write(n) {
			r.out = append(r.out[:mark], "null"...)
			whole = whole && !must
		}
	}
	r.path = r.path[:top]
	if !whole {
		r.out = r.out[:start]
		return false
	}
	r.out = append(r.out, ']')
	return true
}

// Context is what resolvers get. It holds no path: FieldContext makes that one, where an error needs it.
func (r *Run) Context() context.Context { return r.ctx }

// FieldContext is the context as gqlgen would have it here: presenters and argument readers ask it for the path.
func (r *Run) FieldContext() context.Context {
	ctx := r.ctx
	for _, s := range r.path {
		fc := &graphql.FieldContext{}
		if s.field != nil {
			fc.Field = graphql.CollectedField{Field: s.field.at}
		} else {
			fc.Index = new(s.index)
		}
		ctx = graphql.WithFieldContext(ctx, fc)
	}
	return ctx
}

// Fail reports an error of the field or element at hand, and answers that it is null.
func (r *Run) Fail(err error) bool {
	ctx := r.FieldContext()
	if r.path[len(r.path)-1].field != nil {
		err = graphql.AddFieldLocationToError(ctx, err)
	}
	r.op.Error(ctx, err)
	return false
}

var errMissing = errors.New("the requested element is null which the schema does not allow")

// Missing reports that a value is null that must not be, unless an error already says why.
func (r *Run) Missing() bool {
	if ctx := r.FieldContext(); !graphql.HasFieldError(ctx, graphql.GetFieldContext(ctx)) {
		graphql.AddError(ctx, errMissing)
	}
	return false
}
