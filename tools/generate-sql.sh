#!/usr/bin/env bash
# SQL to Go: all folders below queries/, or the one whose subdomain is named: tools/generate-sql.sh [connection]
set -euo pipefail
only=${1:+$1q}
shopt -s nullglob
sql=(queries/${only:-*q}/*.sql)
[ ${#sql[@]} -gt 0 ] || { echo "no SQL in queries/${only:-}" >&2; exit 0; }
if [ -n "$only" ]; then
  config=.sqlc-$only.yaml
  trap 'rm -f "$config"' EXIT
  go run ./internal/arch/sqlcyaml -only "$only" -out "$config"
else
  config=sqlc.yaml
  go run ./internal/arch/sqlcyaml
fi
bin/tools/sqlc generate -f "$config"
for go in queries/${only:-*q}/*.sql.go; do # a query file that is gone leaves its Go behind
  [ -e "${go%.go}" ] || rm "$go"
done
bin/tools/withpg -migrated -- bin/tools/sqlc vet -f "$config"
