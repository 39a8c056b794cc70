package resolvers_test

import (
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// tryMembers asks every root field of organizations, members and invitations: keys by text, persons by the console's documents.
func (s *server) tryMembers(t *testing.T, done func(string)) {
	t.Helper()
	trusted := func(name, text string, v vars) map[string]any {
		t.Helper()
		body := document(t, "console", text)
		body["variables"] = v
		a := s.send(t, "person", body)
		if len(a.Errors) > 0 || a.Data[name] == nil {
			t.Fatalf("%s: %s", name, a.raw)
		}
		done(name)
		return a.Data
	}
	made := trusted("createOrganization", "mutation CreateDialogMutation(", vars{"input": vars{"name": "Works"}})
	works := at(t, made, "createOrganization", "id").(string)
	mine := trusted("memberships", "query OrganizationsListQuery", vars{})
	if n := len(at(t, mine, "memberships", "edges").([]any)); n != 2 {
		t.Errorf("%d memberships", n)
	}
	trusted("updateOrganization", "mutation OrganizationSettingsSaveMutation(", vars{"id": works, "input": vars{"slug": "the-works", "version": 1}})
	trusted("setMfaPolicy", "mutation OrganizationSettingsMfaMutation(", vars{"organizationId": works, "input": vars{"required": true}})
	trusted("changeDefaultOrganization", "mutation OrganizationsTableDefaultMutation(", vars{"organizationId": s.Org.String()})

	asked := trusted("inviteMember", "mutation InviteDialogMutation(", vars{"input": vars{"organizationId": works, "email": "other@example.com", "roles": []string{"MEMBER"}}})
	id := at(t, asked, "inviteMember", "id").(string)
	trusted("resendInvitation", "mutation InvitationRowResendMutation(", vars{"id": id})
	trusted("invitations", "query OwnInvitationsQuery(", vars{"direction": "SENT"})
	trusted("inviteGuest", "mutation OwnInvitationsGuestMutation(", vars{"email": "guest@example.net"})
	s.let("invited", authz.Principal{Kind: authz.USER, UserID: s.Stranger, SessionID: ident.New[ident.SessionID](time.Now()), OrgID: s.Other, AuthTime: time.Now(), AAL: 1})
	a := s.send(t, "invited", func() vars {
		body := document(t, "console", "mutation InvitePageAcceptMutation(")
		body["variables"] = vars{"id": id}
		return body
	}())
	if len(a.Errors) > 0 || at(t, a.Data, "acceptInvitation", "status") != "ACCEPTED" {
		t.Fatalf("acceptInvitation: %s", a.raw)
	}
	done("acceptInvitation")
	ref := vars{"organizationId": works, "userId": s.Stranger.String(), "roles": []string{"OWNER"}}
	trusted("assignMemberRoles", "mutation RolesDialogAssignMutation(", ref)
	trusted("unassignMemberRoles", "mutation RolesDialogUnassignMutation(", ref)
	trusted("uninviteMember", "mutation MembersTableRemoveMutation(", vars{"organizationId": works, "userId": s.Stranger.String()})

	again := trusted("inviteMember", "mutation InviteDialogMutation(", vars{"input": vars{"organizationId": works, "email": "late@example.net", "roles": []string{"MEMBER"}}})
	late := at(t, again, "inviteMember", "id").(string)
	trusted("revokeInvitation", "mutation InvitationRowRevokeMutation(", vars{"id": late})
	for name, v := range map[string]vars{"confirmInvitation": {"id": late, "accept": true}, "declineInvitation": {"token": "unknown"}, "invitation": {"token": "unknown"}, "leaveOrganization": {"organizationId": works}} {
		word := map[string]string{"confirmInvitation": "mutation InvitationRowConfirmMutation(", "declineInvitation": "mutation InvitePageDeclineMutation(", "invitation": "query InvitePageQuery(", "leaveOrganization": "mutation MembersTableLeaveMutation("}[name]
		body := document(t, "console", word)
		body["variables"] = v
		a := s.send(t, "person", body) // each is refused in words: nothing waits, no such link, the last owner
		code := map[string]string{"confirmInvitation": "PRECONDITION_FAILED", "declineInvitation": "NOT_FOUND", "invitation": "NOT_FOUND", "leaveOrganization": "PRECONDITION_FAILED"}[name]
		if len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != code {
			t.Errorf("%s: %s", name, a.raw)
		}
		done(name)
	}
	trusted("deleteOrganization", "mutation DeleteDialogDeleteMutation(", vars{"id": works, "confirmName": "Works"})
}
