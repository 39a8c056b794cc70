package audit

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/auditq"
)

const (
	linkLives  = time.Hour
	exportPage = 500
	writeEvery = 30 * time.Second // so long a reader may take for one page
)

// ExportFormat is the form of an exported log.
type ExportFormat string

const (
	JSONL ExportFormat = "JSONL"
	CSV   ExportFormat = "CSV"
)

// AuditExport is a link that carries the log away. It is read from the database while it is sent, so it is ready at once.
type AuditExport struct {
	ID        ident.ExportID
	URL       *string
	ExpiresAt *time.Time
	Rows      *int32
	State     string
}

// Export makes a link, valid for an hour and for as long as its maker may export. Without an organization it is for operators.
func (s *Service) Export(ctx context.Context, f AuditFilter, format ExportFormat) (*AuditExport, error) {
	type input struct {
		Filter AuditFilter
		Format ExportFormat
	}
	c := door.Change[input, *AuditExport]{
		Action: door.Action{Name: "audit.export", Permission: mayExport, StepUp: true},
		Org:    func(_ context.Context, in input) (ident.OrgID, error) { return *in.Filter.OrganizationID, nil },
		Validate: func(ctx context.Context, _ *door.Effect, in *input) error {
			_, err := s.narrow(ctx, in.Filter)
			return err
		},
		Do: func(ctx context.Context, e *door.Effect, in input) (*AuditExport, error) {
			org := e.Scope.Org()
			raw, err := json.Marshal(in.Filter)
			if err != nil {
				return nil, err
			}
			token, id, ends := secret.Random("npx_"), ident.New[ident.ExportID](e.Tx.Now), e.Tx.Now.Add(linkLives)
			p := auditq.AddExportParams{ID: id.UUID(), UserID: e.Caller.UserID.UUID(), Operator: e.Caller.Kind == authz.OPERATOR, Filter: raw, Format: string(in.Format), TokenHash: token.Hash(), CreatedAt: e.Tx.Now, ExpiresAt: ends}
			if in.Filter.OrganizationID != nil {
				org = *in.Filter.OrganizationID
				p.OrgID = new(org.UUID())
			}
			if err := s.q.AddExport(ctx, e.Tx, p); err != nil {
				return nil, fmt.Errorf("keep the export: %w", err)
			}
			e.Record(touched(org, "audit.exported", map[string]any{"format": in.Format, "export": id.String()}))
			return &AuditExport{ID: id, URL: new(s.Console + "/audit/export/" + token.Reveal()), ExpiresAt: &ends, State: "READY"}, nil
		},
	}
	if s.Authz.Operate(ctx, mayExportAny) == nil {
		c.Action = door.Action{Name: "audit.export", Permission: mayExportAny, Operator: true, StepUp: true}
	} else if f.OrganizationID == nil {
		return nil, fault.Invalid("filter.organizationId", "organization_missing", "Say which organization's audit log is meant.")
	}
	return door.Do(ctx, s.Door, c, input{f, format})
}

// forgetExports deletes links that ended a day ago.
func (s *Service) forgetExports(ctx context.Context) error {
	return s.q.ForgetExports(ctx, s.DB, auditq.ForgetExportsParams{Before: s.DB.Now().Add(-24 * time.Hour)})
}

// download sends the log, page by page as it reads it. Whoever has the link gets it, while its maker may export: unknown, ended and forbidden look alike.
func (s *Service) download() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x, err := s.q.ExportByToken(r.Context(), s.DB, auditq.ExportByTokenParams{TokenHash: secret.New(r.PathValue("token")).Hash(), Now: s.DB.Now()})
		if err != nil {
			if !db.NotFound(err) {
				slog.ErrorContext(r.Context(), "an export could not be read", "err", err)
			}
			gone(w)
			return
		}
		ctx, f, err := s.maker(r.Context(), x)
		if err != nil {
			gone(w)
			return
		}
		rows, err := s.send(ctx, w, f, ExportFormat(x.Format), x.ID)
		if err == nil {
			err = s.q.ExportedRows(ctx, s.DB, auditq.ExportedRowsParams{ID: x.ID, Rows: rows})
		}
		if err != nil && ctx.Err() == nil {
			slog.ErrorContext(ctx, "an export ended early", "rows", rows, "err", err)
			panic(http.ErrAbortHandler) // so that the file is not taken for a whole one
		}
	})
}

func gone(w http.ResponseWriter) {
	http.Error(w, "This link is not valid any more. Export the audit log again; a link lives for one hour.", http.StatusNotFound)
}

// maker is the person who made a link, with what they may do now.
func (s *Service) maker(ctx context.Context, x *auditq.AuditExport) (context.Context, AuditFilter, error) {
	var f AuditFilter
	if err := json.Unmarshal(x.Filter, &f); err != nil {
		return ctx, f, err
	}
	p := authz.Principal{Kind: authz.USER, UserID: ident.From[ident.UserID](x.UserID), Locale: authz.From(ctx).Locale}
	if x.Operator {
		p.Kind = authz.OPERATOR
		ctx = authz.With(ctx, p)
		return ctx, f, s.Authz.Operate(ctx, mayExportAny)
	}
	ctx = authz.With(ctx, p)
	_, err := s.authorize(ctx, mayExport, orgOf(x.OrgID))
	return ctx, f, err
}

func (s *Service) send(ctx context.Context, w http.ResponseWriter, f AuditFilter, format ExportFormat, id uuid.UUID) (rows int32, err error) {
	where, err := s.narrow(ctx, f)
	if err != nil {
		return 0, err
	}
	if f.OrganizationID != nil {
		where.org = *f.OrganizationID
	} else {
		where.all = true
	}
	name := "audit-" + s.DB.Now().UTC().Format("2006-01-02") + map[ExportFormat]string{JSONL: ".jsonl", CSV: ".csv"}[format]
	h := w.Header()
	h.Set("Content-Type", map[ExportFormat]string{JSONL: "application/x-ndjson", CSV: "text/csv; charset=utf-8"}[format])
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	out := bufio.NewWriterSize(w, 64<<10)
	write, end := lines(out, format)
	control := http.NewResponseController(w)
	for cursor := uuid.Max; ; {
		_ = control.SetWriteDeadline(time.Now().Add(writeEvery)) // not every writer has one
		list, err := s.find(ctx, where, cursor, exportPage)
		if err != nil {
			return rows, err
		}
		all, err := s.shown(ctx, list)
		if err != nil {
			return rows, err
		}
		for _, a := range all {
			if err := write(a, Message(a, authz.From(ctx).Locale)); err != nil {
				return rows, err
			}
			rows++
		}
		if len(list) < exportPage {
			return rows, end()
		}
		cursor = list[len(list)-1].ID
		if _, _, err := s.maker(ctx, &auditq.AuditExport{Filter: []byte("{}"), UserID: authz.From(ctx).UserID.UUID(), Operator: authz.From(ctx).Kind == authz.OPERATOR, OrgID: orgPtr(where.org)}); err != nil {
			return rows, err // the right ended meanwhile
		}
	}
}

func orgPtr(org ident.OrgID) *uuid.UUID {
	if org.IsZero() {
		return nil
	}
	return new(org.UUID())
}

// exported is one row of a file.
type exported struct {
	ID           string          `json:"id"`
	Chain        string          `json:"chain"`
	Seq          int32           `json:"seq"`
	At           time.Time       `json:"at"`
	Organization string          `json:"organization,omitempty"`
	ActorKind    AuditActorKind  `json:"actorKind"`
	Actor        string          `json:"actor,omitempty"`
	ActorName    string          `json:"actorName,omitempty"`
	Action       string          `json:"action"`
	Outcome      AuditOutcome    `json:"outcome"`
	Subject      string          `json:"subject"`
	SubjectName  string          `json:"subjectName,omitempty"`
	Message      string          `json:"message"`
	Args         json.RawMessage `json:"args"`
	IP           string          `json:"ip,omitempty"`
	UserAgent    string          `json:"userAgent,omitempty"`
	RequestID    string          `json:"requestId"`
	Hash         string          `json:"hash"`
	PrevHash     string          `json:"prevHash"`
}

func exportOf(a *Audit, message string) exported {
	x := exported{ID: a.ID.String(), Chain: a.Chain, Seq: a.Seq, At: a.At.UTC(), ActorKind: a.Actor.Kind, ActorName: a.Actor.Label, Action: a.Action, Outcome: a.Outcome, Subject: a.Subject,
		SubjectName: text(a.SubjectLabel), Message: message, Args: a.Args, IP: text(a.IP), UserAgent: text(a.UserAgent), Actor: text(a.Actor.ID), RequestID: a.RequestID, Hash: a.Hash, PrevHash: a.PrevHash}
	if a.OrganizationID != nil {
		x.Organization = a.OrganizationID.String()
	}
	return x
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

var header = []string{"id", "chain", "seq", "at", "organization", "actorKind", "actor", "actorName", "action", "outcome", "subject", "subjectName", "message", "args", "ip", "userAgent", "requestId", "hash", "prevHash"}

// lines writes rows in a format; the second function ends the file.
func lines(out *bufio.Writer, format ExportFormat) (func(*Audit, string) error, func() error) {
	if format != CSV {
		enc := json.NewEncoder(out)
		return func(a *Audit, message string) error { return enc.Encode(exportOf(a, message)) }, out.Flush
	}
	table := csv.NewWriter(io.Writer(out))
	begun := table.Write(header)
	return func(a *Audit, message string) error {
			if begun != nil {
				return begun
			}
			x := exportOf(a, message)
			cells := []string{x.ID, x.Chain, strconv.Itoa(int(x.Seq)), x.At.Format(time.RFC3339Nano), x.Organization, string(x.ActorKind), x.Actor, x.ActorName, x.Action, string(x.Outcome), x.Subject, x.SubjectName,
				x.Message, string(x.Args), x.IP, x.UserAgent, x.RequestID, x.Hash, x.PrevHash}
			for n, c := range cells {
				cells[n] = harmless(c)
			}
			return table.Write(cells)
		}, func() error {
			if table.Flush(); table.Error() != nil {
				return table.Error()
			}
			return out.Flush()
		}
}

// harmless keeps a spreadsheet from taking a cell for a formula.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
