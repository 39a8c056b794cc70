package resolvers

import (
	"context"

	"github.com/nameplate-dev/nameplate/internal/platform/machine"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// deliverEmail takes the signed message of a service account that asks for a mail.
func (r *Resolver) deliverEmail(ctx context.Context, m machine.ServiceMessage) error {
	return r.platform.machines.Message(ctx, "svcDeliverEmail", m, func(ctx context.Context, e *door.Effect, body []byte) error {
		var c mail.Component
		if err := machine.Read(body, &c); err != nil {
			return err
		}
		return r.platform.mails.StageComponent(ctx, e, c)
	})
}

// deliverAudit takes the signed message of a service account that tells what its component did.
func (r *Resolver) deliverAudit(ctx context.Context, m machine.ServiceMessage) error {
	return r.platform.machines.Message(ctx, "svcDeliverAudit", m, r.platform.audits.DeliverTx)
}

// handleEvent takes the signed message of a service account that brings an event for a reader. The reader is part of what the message is: the same message
// for another one is refused.
func (r *Resolver) handleEvent(ctx context.Context, reader string, m machine.ServiceMessage) error {
	return r.platform.machines.Message(ctx, "svcHandleEvent "+reader, m, func(ctx context.Context, e *door.Effect, body []byte) error {
		return r.platform.audits.HandleTx(ctx, e, reader, body)
	})
}
