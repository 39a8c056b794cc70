// Package queries holds the SQL, a folder for each subdomain with its generated Go beside it, and says which of it comes before it is known for whom.
package queries

import (
	"embed"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"sync"
)

//go:embed */*.sql
var files embed.FS

// spine are the folders whose queries serve every organization: the mechanisms below the tenants, which the rule of one org_id does not bind either.
var spine = map[string]bool{"authzq": true, "doorq": true, "eventq": true, "vaultq": true, "workq": true}

var name = regexp.MustCompile(`(?m)^-- name: (\w+) `)

// Names answers the queries by what PF-ISO-2 says of them: free are those that may see any organization's rows (look-ups called OrgOf…, exceptions with their
// reason, and those of the spine), bound all others.
func Names() (free, bound map[string]bool) { return names() }

var names = sync.OnceValues(func() (free, bound map[string]bool) {
	free, bound = map[string]bool{}, map[string]bool{}
	all, _ := fs.Glob(files, "*/*.sql") // the pattern is right
	for _, file := range all {
		text, _ := fs.ReadFile(files, file)
		at := name.FindAllSubmatchIndex(text, -1)
		for n, m := range at {
			end := len(text)
			if n+1 < len(at) {
				end = at[n+1][0]
			}
			query := string(text[m[2]:m[3]])
			if spine[path.Dir(file)] || strings.HasPrefix(query, "OrgOf") || strings.Contains(string(text[m[0]:end]), "@sqlc-vet-disable tenant") {
				free[query] = true
			} else {
				bound[query] = true
			}
		}
	}
	return free, bound
})
