package resolvers

import (
	"errors"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/membership"
)

// memberRef reads the two ids that name a member.
func memberRef(organizationID, userID ident.Any) (membership.Ref, error) {
	org, wrongOrg := ident.As[ident.OrgID](organizationID, "organizationId")
	user, wrongUser := ident.As[ident.UserID](userID, "userId")
	return membership.Ref{OrganizationID: org, UserID: user}, errors.Join(wrongOrg, wrongUser)
}
