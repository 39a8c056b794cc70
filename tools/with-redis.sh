#!/usr/bin/env bash
# Runs a command with a real Redis beside it, which REDIS_URL names: tools/with-redis.sh command arguments…
# It listens on a unix socket alone, keeps nothing, and ends with the command.
set -euo pipefail
dir=$(mktemp -d)
redis-server --port 0 --unixsocket "$dir/redis.sock" --save '' --appendonly no --dir "$dir" --logfile "$dir/log" &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$dir"' EXIT
for _ in $(seq 100); do
  [ -S "$dir/redis.sock" ] && break
  kill -0 "$server" 2>/dev/null || { cat "$dir/log" >&2; exit 1; }
  sleep 0.05
done
REDIS_URL="unix://$dir/redis.sock" "$@"
