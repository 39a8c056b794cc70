package application

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/applicationq"
)

const (
	publicPrefix = "np_pk_"
	publicSize   = 26
	maxOrigins   = 50
	maxName      = 120
	maxHSTS      = 2 * 365 * 24 * 60 * 60 // seconds
	maxSlug      = 63
	quota        = "applications"
)

var slugs = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9])*$`)

// CreateApplicationInput asks for an application. Without a slug one is made from the name.
type CreateApplicationInput struct {
	OrganizationID   ident.OrgID
	Name             string
	Slug             *string
	Environment      *Environment
	AllowedOrigins   []string
	UpstreamURL      *string
	ClientMutationID *string

	upstream *Upstream
}

// ApplicationPayload carries the application; Edge is set when a list grew.
type ApplicationPayload struct {
	Application *Application
	Edge        *ApplicationEdge
}

// Create makes an application with its published default recipe.
func (s *Service) Create(ctx context.Context, in CreateApplicationInput) (*ApplicationPayload, error) {
	return door.Do(ctx, s.Door, door.Change[CreateApplicationInput, *ApplicationPayload]{
		Action:   door.Action{Name: "application.create", Permission: "application.write"},
		Org:      func(_ context.Context, in CreateApplicationInput) (ident.OrgID, error) { return in.OrganizationID, nil },
		Key:      func(in CreateApplicationInput) *string { return in.ClientMutationID },
		Validate: s.validateCreate,
		Do: func(ctx context.Context, e *door.Effect, in CreateApplicationInput) (*ApplicationPayload, error) {
			app, err := s.createTx(ctx, e, in)
			if err != nil {
				return nil, err
			}
			return &ApplicationPayload{Application: app, Edge: &page.Edge[*Application]{Cursor: at(app).String(), Node: app}}, nil
		},
	}, in)
}

func (s *Service) validateCreate(ctx context.Context, e *door.Effect, in *CreateApplicationInput) error {
	faults := []error{checkName(&in.Name)}
	if !e.Scope.Application().IsZero() {
		return fault.NotFound("application") // a key that is narrowed to one application makes no other
	}
	if in.Slug == nil || *in.Slug == "" {
		in.Slug = new(SlugFrom(in.Name))
	}
	env := Live
	if in.Environment != nil {
		env = *in.Environment
	}
	faults = append(faults, checkSlug(*in.Slug), s.checkOrigins(in.AllowedOrigins, env))
	if in.UpstreamURL != nil && *in.UpstreamURL != "" {
		up, err := s.CheckUpstream(ctx, UpstreamInput{OriginURL: *in.UpstreamURL})
		if err != nil {
			faults = append(faults, fault.At(err, "upstreamUrl"))
		}
		in.upstream = up
	}
	return errors.Join(faults...)
}

func (s *Service) createTx(ctx context.Context, e *door.Effect, in CreateApplicationInput) (*Application, error) {
	if _, err := e.Take(ctx, quota, 1); err != nil {
		return nil, err
	}
	id, env := ident.New[ident.ApplicationID](e.Tx.Now), Live
	if in.Environment != nil {
		env = *in.Environment
	}
	row := applicationq.AddApplicationParams{ID: id.UUID(), OrgID: e.Scope.OrgUUID(), Slug: *in.Slug, Name: in.Name, Environment: string(env), PublicKey: publicPrefix + strings.ToLower(rand.Text())[:publicSize],
		AllowedOrigins: in.AllowedOrigins, TargetTokenProof: true, SubdomainRule: string(SubdomainOptional), CreatedAt: e.Tx.Now}
	if row.AllowedOrigins == nil {
		row.AllowedOrigins = []string{}
	}
	if in.upstream != nil {
		row.Upstream, _ = json.Marshal(in.upstream)
	}
	if err := s.q.AddApplication(ctx, e.Tx, row); db.Violates(err, "application_org_id_slug_key") {
		return nil, fault.Conflict("slug", "slug_taken", "There is an application with this short name already.")
	} else if err != nil {
		return nil, fmt.Errorf("add the application: %w", err)
	}
	recipe, err := s.Seeds.SeedTx(ctx, e.Tx, e.Scope.Org(), id)
	if err != nil {
		return nil, err
	}
	if err := s.q.SetRecipe(ctx, e.Tx, applicationq.SetRecipeParams{ID: id.UUID(), OrgID: e.Scope.OrgUUID(), RecipeID: new(recipe.UUID())}); err != nil {
		return nil, fmt.Errorf("give the application its recipe: %w", err)
	}
	e.Record(event.Change{OrgID: e.Scope.Org(), Action: "application.created", Subject: id.String(), Version: 1, Payload: map[string]any{"v": 1, "name": in.Name, "environment": env}, Audited: true})
	r, err := s.q.LockApplication(ctx, e.Tx, applicationq.LockApplicationParams{ID: id.UUID(), OrgID: e.Scope.OrgUUID()})
	if err != nil {
		return nil, fmt.Errorf("read the application: %w", err)
	}
	return fromRow(r)
}

// first makes an organization's first application when the organization is made. A second time finds it there.
func (s *Service) first(ctx context.Context, tx *db.Tx, r event.Row) error {
	err := s.Door.JoinTx(ctx, tx, "application.first", r.OrgID, func(ctx context.Context, e *door.Effect) error {
		rows, err := s.q.ListApplications(ctx, e.Tx, applicationq.ListApplicationsParams{OrgID: r.OrgID.UUID(), AnyID: true, Before: ident.V7(e.Tx.Now.AddDate(1, 0, 0)), Most: 1})
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			return door.ErrNothing
		}
		_, err = s.createTx(ctx, e, CreateApplicationInput{OrganizationID: r.OrgID, Name: "My application", Slug: new("my-application")})
		return err
	})
	if errors.Is(err, door.ErrNothing) {
		return nil
	}
	return err
}

// SlugFrom makes a short name of a name: "Acme Shop!" → "acme-shop".
func SlugFrom(name string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			b.WriteRune(r)
			gap = false
		} else {
			gap = true
		}
	}
	s := b.String()
	if len(s) > maxSlug {
		s = strings.TrimRight(s[:maxSlug], "-")
	}
	if s == "" {
		return "application"
	}
	return s
}

func checkName(name *string) error {
	*name = strings.TrimSpace(*name)
	if n := len([]rune(*name)); n == 0 || n > maxName {
		return fault.Invalid("name", "name_length", "Give a name of 1 to %d characters.", maxName)
	}
	return nil
}

func checkSlug(slug string) error {
	if !slugs.MatchString(slug) || len(slug) > maxSlug {
		return fault.Invalid("slug", "slug", "Use up to %d lower-case letters, digits and single hyphens.", maxSlug)
	}
	return nil
}
