package arch

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

var (
	lineComment  = regexp.MustCompile(`--[^\n]*`)
	blockComment = regexp.MustCompile(`(?s)/\*.*?\*/`)
	literal      = regexp.MustCompile(`'(?:[^']|'')*'`)
	writes       = regexp.MustCompile(`(?i)\b(?:insert\s+into|delete\s+from|merge\s+into|truncate(?:\s+table)?|update)\s+(?:only\s+)?("?\w+"?)(?:\s+(?:as\s+)?\w+)?(\s+set\b)?`)
)

// Written answers the tables that the SQL changes, each once.
func Written(sql string) (tables []string) {
	sql = literal.ReplaceAllString(blockComment.ReplaceAllString(lineComment.ReplaceAllString(sql, ""), ""), "''")
	seen := map[string]bool{}
	for _, m := range writes.FindAllStringSubmatch(sql, -1) {
		verb, table := strings.ToLower(strings.Fields(m[0])[0]), strings.ToLower(strings.Trim(m[1], `"`))
		if verb == "update" && (m[2] == "" || table == "set") { // FOR UPDATE OF, ON CONFLICT DO UPDATE SET
			continue
		}
		if !seen[table] {
			seen[table] = true
			tables = append(tables, table)
		}
	}
	return tables
}

// Trespasses answers a sentence for each table that SQL in queries/Xq changes and X does not own. Files are keyed by their path: queries/connectionq/start.sql.
func Trespasses(tables []Table, files map[string]string) (breaches []string) {
	owner := map[string]string{}
	for _, t := range tables {
		owner[t.Name] = t.Owner
	}
	for file, sql := range files {
		noun := strings.TrimSuffix(path.Base(path.Dir(file)), "q")
		for _, t := range Written(sql) {
			switch is, known := owner[t]; {
			case !known:
				breaches = append(breaches, fmt.Sprintf("%s writes the table %s, which no migration creates.", file, t))
			case is != noun:
				breaches = append(breaches, fmt.Sprintf("%s writes the table %s, which belongs to %s. Call a method of that package in your transaction (XTx), or let it learn by an event; reads may join.", file, t, is))
			}
		}
	}
	return breaches
}
