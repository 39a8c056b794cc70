#!/usr/bin/env bash
# Generates everything again and fails when anything committed would change. In CI, where the checkout is fresh, Git is asked too: the front ends' build
# has compiled the documents before this runs.
set -euo pipefail
shopt -s nullglob
sums() { find sqlc.yaml graph resolvers queries docs/findings.md docs/providers.md frontend/src widget/src \
  \( -name __generated__ -o -name routeTree.gen.ts -o -name node_modules \) -prune -o -type f -print 2>/dev/null | LC_ALL=C sort | xargs -r sha256sum; }
before=$(mktemp) after=$(mktemp)
trap 'rm -f "$before" "$after"' EXIT
sums > "$before"
make --no-print-directory generate
sums > "$after"
if [ -n "${CI:-}" ] && dirty=$(git status --porcelain -- sqlc.yaml graph resolvers queries docs/findings.md docs/providers.md) && [ -n "$dirty" ]; then
  printf 'Generated code was not committed:\n%s\n' "$dirty" >&2
  exit 1
fi
if ! changed=$(diff "$before" "$after"); then
  echo "Generated code was not up to date. \"make generate\" has just written it; look at the change and commit it:" >&2
  awk '/^[<>]/ {print "  " $3}' <<< "$changed" | sort -u >&2
  exit 1
fi
