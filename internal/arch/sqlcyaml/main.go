// Sqlcyaml writes sqlc.yaml: one entry per folder below queries/ that holds SQL, all with the same settings and the same rules of ours.
// With -only it writes another file with one entry, to generate one subdomain while another's SQL is half written. A new subdomain makes a folder queries/<sub>q with a .sql file and runs `make generate`; nobody edits the list by hand.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/nameplate-dev/nameplate/internal/arch"
)

func main() {
	log.SetFlags(0)
	only := flag.String("only", "*q", "folders below queries/ to list")
	out := flag.String("out", "sqlc.yaml", "the file to write")
	flag.Parse()
	if err := write(*only, *out); err != nil {
		log.Fatal(err)
	}
}

func write(only, path string) error {
	tables, err := arch.Tables("db/migrations")
	if err != nil {
		return err
	}
	var tenant []string
	for _, t := range tables {
		if t.Tenant {
			tenant = append(tenant, t.Name)
		}
	}
	files, err := filepath.Glob(filepath.Join("queries", only, "*.sql"))
	if err != nil {
		return err
	}
	var folders []string
	for _, f := range files { // sorted by name
		if dir := filepath.Base(filepath.Dir(f)); len(folders) == 0 || folders[len(folders)-1] != dir {
			folders = append(folders, dir)
		}
	}
	var out bytes.Buffer
	if err := page.Execute(&out, map[string]any{"Folders": folders, "Tenant": strings.Join(tenant, "|")}); err != nil {
		return fmt.Errorf("write sqlc.yaml: %w", err)
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// spine serves the product itself and works across organizations; in the districts each query is about one.
func spine(folder string) bool {
	return slices.Contains([]string{"authzq", "doorq", "eventq", "limitq", "liveq", "vaultq", "workq"}, folder)
}

var page = template.Must(template.New("").Funcs(template.FuncMap{"spine": spine}).Parse(`# Written by "make generate" from the folders below queries/ and the tables in db/migrations (internal/arch/sqlcyaml). Do not edit.
version: "2"
rules:
  - name: tenant
    message: "this reads or changes rows of organizations without org_id = @org_id; a look-up that must not know the organization is called OrgOf…, any other exception says -- @sqlc-vet-disable tenant with its reason"
    rule: |
      !query.name.startsWith("OrgOf") &&
      query.sql.matches("(?i)\\b(from|join|update)\\s+(only\\s+)?({{.Tenant}})\\b") &&
      !query.sql.matches("(?i)\\borg_id = \\$")
  - name: order
    message: "a :many query says its ORDER BY; what has no order that matters is ordered by its key"
    rule: query.cmd == "many" && !query.sql.matches("(?i)\\border by\\b")
  - name: offset
    message: "no OFFSET: continue after the last key (STYLE 15)"
    rule: query.sql.matches("(?i)\\boffset\\b")
  - name: everything
    message: "this changes every row of its table: say WHERE"
    rule: query.sql.matches("(?i)^\\s*(update|delete)\\b") && !query.sql.matches("(?i)\\bwhere\\b")
overrides:
  go:
    overrides:
      - { db_type: uuid, go_type: { import: github.com/google/uuid, type: UUID } }
      - { db_type: uuid, nullable: true, go_type: { import: github.com/google/uuid, type: UUID, pointer: true } }
      - { db_type: timestamptz, go_type: { import: time, type: Time } }
      - { db_type: timestamptz, nullable: true, go_type: { import: time, type: Time, pointer: true } }
      - { db_type: date, go_type: { import: time, type: Time } }
      - { db_type: date, nullable: true, go_type: { import: time, type: Time, pointer: true } }
      - { db_type: pg_catalog.interval, go_type: { import: time, type: Duration } }
      - { db_type: pg_catalog.interval, nullable: true, go_type: { import: time, type: Duration, pointer: true } }
      - { db_type: interval, go_type: { import: time, type: Duration } }
      - { db_type: interval, nullable: true, go_type: { import: time, type: Duration, pointer: true } }
      - { db_type: xid8, go_type: { type: uint64 } }
      - { db_type: xid8, nullable: true, go_type: { type: uint64, pointer: true } }
sql:
{{- range $n, $folder := .Folders}}
{{- if eq $n 0}}
  - &entry
    engine: postgresql
    schema: db/migrations
    queries: queries/{{$folder}}
    database: { uri: "${SQLC_DATABASE}" }
    analyzer: { database: false }
    rules: [{{if not (spine $folder)}}tenant, {{end}}order, offset, everything, sqlc/db-prepare]
    gen:
      go: &go
        package: {{$folder}}
        out: queries/{{$folder}}
        sql_package: pgx/v5
        emit_methods_with_db_argument: true
        emit_pointers_for_null_types: true
        emit_result_struct_pointers: true
        emit_empty_slices: true
        omit_unused_structs: true
        omit_sqlc_version: true
        query_parameter_limit: 0
{{- else}}
  - { <<: *entry, queries: queries/{{$folder}}, rules: [{{if not (spine $folder)}}tenant, {{end}}order, offset, everything, sqlc/db-prepare], gen: { go: { <<: *go, package: {{$folder}}, out: queries/{{$folder}} } } }
{{- end}}
{{- end}}
`))
