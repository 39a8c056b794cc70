package mail

import (
	"context"
	"log/slog"
	"net/http"
	"net/mail"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/smtp"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/mailq"
)

const (
	mayRead      authz.Permission = "message.read_any"
	mayRedeliver authz.Permission = "message.redeliver"

	keepArguments = 30 * day
)

// Service is everything that is done with mails. Its fields are set by the assembly.
type Service struct {
	DB    *db.DB
	Door  *door.Door
	Authz *authz.Authorizer
	Vault *vault.Vault
	Hub   *live.Hub
	Work  *work.Runner
	Log   *slog.Logger // nil: the default

	Book     *letter.Book
	Server   *smtp.Server // nil: no mail leaves
	Texts    Texts        // the gateway of text messages, which take the same queue; nil: nobody stages one
	From     mail.Address // whose mails they are
	Envelope string       // where mail servers send bounces; "": From
	Home     string       // address of the console
	// HookSecret signs what a gateway or mail server reports to /hooks/mail; without it nothing is taken there.
	HookSecret secret.String

	// Silent says of an organization that it may send nothing; nil: every one may.
	Silent func(ctx context.Context, tx *db.Tx, org ident.OrgID) (bool, error)

	q       mailq.Queries
	metrics *measures // nil until Measure
}

// Texts takes text messages. To is E.164; key is the same for every try of one message.
type Texts interface {
	Send(ctx context.Context, key, to, text string) error
}

// Part is what mails contribute.
func (s *Service) Part() part.Part {
	p := part.Part{
		Name: "mail",
		Grants: []authz.Grant{
			{Permission: mayRead, Operator: true, What: "see mails on their way and what became of them, never what they say"},
			{Permission: mayRedeliver, Operator: true, What: "send mails again, and take addresses off the suppression list"},
		},
		Periodics: []work.Periodic{{Kind: "message.erase", Every: day, Do: s.erase}},
		Routes:    []part.Route{{Pattern: "POST /hooks/mail", Handler: http.HandlerFunc(s.hook)}},
	}
	if s.Server != nil || s.Texts != nil {
		p.Queues = []work.Queue{s.queue()}
	}
	return p
}

// erase forgets what mails said that are older than 30 days. What they were and what became of them stays.
func (s *Service) erase(ctx context.Context) error {
	_, err := s.q.EraseArguments(ctx, s.DB, mailq.EraseArgumentsParams{Before: s.DB.Now().Add(-keepArguments)})
	return err
}

func (s *Service) log() *slog.Logger {
	if s.Log != nil {
		return s.Log
	}
	return slog.Default()
}
