package organization

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/hostname"
	"github.com/nameplate-dev/nameplate/queries/organizationq"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// longestSlug is how many characters a short name has at most.
const longestSlug = 39

var slugs = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9]){1,38}$`)

// reserved are first segments of the console's addresses.
var reserved = strings.Fields("account admin alerts api app approvals apps assets audit auth badge catalog confirm connect dashboard domains dr drift git-repos graphiql graphql healthz home hooks " +
	"images incidents instances internal invite jobs keys lab login logout maintenance metrics notifications observability ofrep ops people pricing providers rbac readyz reservations scheduler " +
	"secrets servers settings signup ssh-keys static terms usage v1 webhooks widget")

// checkName answers the name in its stored form (NFC, trimmed).
func checkName(name string) (string, error) {
	name = norm.NFC.String(strings.TrimSpace(name))
	if n := utf8.RuneCountInString(name); n == 0 || n > 100 || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return name, fault.Invalid("name", "name_length", "Give a name of 1 to 100 characters on one line.")
	}
	return name, nil
}

func checkSlug(slug string) error {
	if len(slug) > longestSlug || !slugs.MatchString(slug) {
		return fault.Invalid("slug", "slug", "Use 2 to 39 lower-case letters, digits and single hyphens.")
	}
	if slices.Contains(reserved, slug) {
		return fault.Invalid("slug", "slug_reserved", "%q is an address of the console itself. Choose another.", slug)
	}
	return nil
}

// checkDomains answers mail domains in the form of the DNS, each once.
func checkDomains(domains []string) ([]string, error) {
	if len(domains) > 20 {
		return nil, fault.Invalid("emailDomains", "domains_number", "Name at most 20 mail domains.")
	}
	out := make([]string, 0, len(domains))
	for n, d := range domains {
		name, err := hostname.Parse(strings.TrimPrefix(strings.TrimSpace(d), "@"), hostname.Policy{})
		if err != nil || name.Wildcard {
			return nil, fault.Invalid(fmt.Sprintf("emailDomains.%d", n), "domain", "%q is no mail domain, such as example.com.", d)
		}
		if !slices.Contains(out, name.ASCII) {
			out = append(out, name.ASCII)
		}
	}
	return out, nil
}

// slugOf makes a short name of a name: its letters and digits without their marks, joined by hyphens; "team" when nothing is left.
func slugOf(name string) string {
	plain, _, _ := transform.String(transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn))), strings.ToLower(name))
	words := strings.FieldsFunc(plain, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9') })
	slug := strings.Join(words, "-")
	if len(slug) > longestSlug {
		slug = strings.TrimRight(slug[:longestSlug], "-")
	}
	if checkSlug(slug) != nil {
		return "team"
	}
	return slug
}

// free answers a short name that nobody has: slug itself, else with the first free number behind it.
func (s *Service) free(ctx context.Context, on organizationq.DBTX, slug string) (string, error) {
	candidates := []string{slug}
	for n := 2; n <= 100; n++ {
		end := "-" + strconv.Itoa(n)
		candidates = append(candidates, strings.TrimRight(slug[:min(len(slug), longestSlug-len(end))], "-")+end)
	}
	taken, err := s.q.SlugsTaken(ctx, on, organizationq.SlugsTakenParams{Candidates: candidates})
	if err != nil {
		return "", fmt.Errorf("look for a free short name: %w", err)
	}
	for _, c := range candidates {
		if !slices.Contains(taken, c) && checkSlug(c) == nil {
			return c, nil
		}
	}
	return "", fault.Conflict("slug", "slug_taken", "This short name is taken, and so are the next hundred. Choose another.")
}
