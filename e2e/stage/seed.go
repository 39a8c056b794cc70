package stage

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/nameplate-dev/nameplate/internal/app"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/lab"
)

// seed makes who and what every stage begins with, through the same services as everybody, and tells the world about it.
func (s *Stage) seed(ctx context.Context, l net.Listener) error {
	user, org, err := s.App.CreateDeveloper(ctx, app.Developer{Email: Email, Name: "Ana Developer", Password: secret.New(Password), Organization: "Acme", Slug: Organization, TermsAccepted: true})
	if err != nil {
		return fmt.Errorf("make the developer: %w", err)
	}
	s.User, s.Org = user, org
	ctx = s.As(ctx)
	first, err := s.firstApplication(ctx)
	if err != nil {
		return err
	}
	w := s.World
	payload, err := s.App.Applications.Update(ctx, application.UpdateApplicationInput{ID: first.ID, Version: first.Version, Name: new("Acme Shop Builder"), Slug: new("shop-builder"),
		AllowedOrigins: []string{w.Addresses.HostPage}, Upstream: &application.UpstreamInput{OriginURL: w.Addresses.Origin}})
	if err != nil {
		return fmt.Errorf("set up the application: %w", err)
	}
	s.AppID = payload.Application.ID
	scopes := []string{"organization.read", "application.read", "application.write", "connection.read", "connection.check", "connection.start", "connection.setup", "connection.write", "connection.archive",
		"widget.mint", "provider.read", "webhook.read", "webhook.write", "webhook.replay", "apikey.read"}
	key, err := s.App.Keys.Create(ctx, apikey.CreateApiKeyInput{Description: "Acme's server", OrganizationID: &org, Scopes: scopes})
	if err != nil {
		return fmt.Errorf("make the API key: %w", err)
	}
	s.announce(l, payload.Application, key)
	return nil
}

// As is a request of the stage's developer, who signed in just now.
func (s *Stage) As(ctx context.Context) context.Context {
	return authz.With(ctx, authz.Principal{Kind: authz.USER, UserID: s.User, OrgID: s.Org, AuthTime: s.App.DB.Now(), AAL: 1, RequestID: "stage", Locale: "en"})
}

// firstApplication waits for the application that the ledger's reader makes of a new organization.
func (s *Stage) firstApplication(ctx context.Context) (*application.Application, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	sub := s.App.Hub.Subscribe(s.Org.String())
	defer sub.Close()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		apps, err := s.App.Applications.List(ctx, s.Org, nil, page.Args{First: 1})
		if err != nil {
			return nil, fmt.Errorf("wait for the first application: %w", err)
		}
		if len(apps.Nodes) > 0 {
			return apps.Nodes[0], nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the first application was not made: %w", ctx.Err())
		case <-sub.C():
		case <-tick.C:
		}
	}
}

// announce fills in the addresses, and the world's pages.
func (s *Stage) announce(l net.Listener, a *application.Application, key *apikey.ApiKeyCreated) {
	w, host := s.World, "localhost:"+strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	at := &s.Addresses
	at.GraphQL, at.GraphQLWS = "http://"+host+"/graphql", "ws://"+host+"/graphql"
	at.APIKey, at.ApplicationID, at.OrganizationID = key.Secret.Reveal(), a.ID.String(), s.Org.String()
	at.Zones, at.EdgeHTTPS, at.EdgeHTTP = w.Addresses.Zones, w.Addresses.EdgeHTTPS, w.Addresses.EdgeHTTP
	at.Console, at.HostPage, at.EvilPage, at.Lab = "http://"+host, w.Addresses.HostPage, w.Addresses.EvilPage, w.Addresses.Page
	at.Mail = w.Addresses.Mail
	at.ConsoleEmail, at.ConsolePassword = Email, Password
	w.Embed(lab.Embed{GraphQL: at.GraphQL, GraphQLWS: at.GraphQLWS, WidgetOrigin: at.Console, PublicKey: a.PublicKey, ApplicationID: at.ApplicationID, APIKey: at.APIKey, Console: at.Console,
		ConsoleEmail: Email, ConsolePassword: Password, Metrics: at.Metrics, RootFile: at.CARoot})
}
