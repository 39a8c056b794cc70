#!/usr/bin/env bash
# Makes sure that there is a Chromium for the journeys: it is found, or installed where that is allowed, or the reader is told what to do.
set -euo pipefail
for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
  [ -n "$name" ] && command -v "$name" >/dev/null && exit 0
done
as=()
if [ "$(id -u)" != 0 ]; then
  as=(sudo -n)
  sudo -n true 2>/dev/null || as=(none)
fi
if [ "${as[0]:-}" != none ] && command -v apt-get >/dev/null; then
  echo "==> installing Chromium for the journeys (apt-get install chromium)"
  "${as[@]}" apt-get update -qq
  "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
  command -v chromium >/dev/null && exit 0
fi
cat >&2 <<'SAY'
The journeys need a Chromium and this user may not install one. Do one of these, then run make test again:
  sudo apt-get install chromium
  CHROMIUM=/path/to/chrome make test
SAY
exit 1
