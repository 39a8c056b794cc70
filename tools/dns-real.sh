#!/usr/bin/env bash
# Runs the zoo's zones on BIND, Knot and PowerDNS, BIND in front of the edge zone, and Zonemaster, dig and kdig at it, where they are, or where root can install them; else says that this lane is left out.
set -euo pipefail
cd "$(dirname "$0")/.."
servers=(named delv knotd pdns_server dig kdig zonemaster-cli)
packages=(bind9 bind9-dnsutils knot knot-dnsutils pdns-server pdns-backend-bind zonemaster-cli)

missing() {
  for name in "${servers[@]}"; do
    PATH="$PATH:/usr/sbin" command -v "$name" >/dev/null || { echo "$name"; return; }
  done
}

# Installed as a machine's own service such a server would take port 53, so that no package may start one meanwhile.
install() {
  local policy=/usr/sbin/policy-rc.d made=
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made=1
  fi
  { timeout 120 apt-get update -qq && timeout 240 env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"; } >/dev/null 2>&1 || true
  if [ -n "$made" ]; then rm -f "$policy"; fi
}

if [ -n "$(missing)" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "==> installing BIND, Knot, PowerDNS and Zonemaster (apt-get install ${packages[*]})"
  install
fi
if [ -n "$(missing)" ]; then
  echo "==> no $(missing) here: the zoo on other makes' name servers is left out (apt-get install ${packages[*]})"
  exit 0
fi
echo '==> the zoo on BIND, Knot and PowerDNS'
NAMEPLATE_DNS_REAL=1 PATH="$PATH:/usr/sbin" go test -count=1 -run TestZooOnRealServers ./internal/connect/dnscheck
echo '==> BIND in front of the edge zone; Zonemaster, dig and kdig look for faults in it'
NAMEPLATE_DNS_REAL=1 PATH="$PATH:/usr/sbin" go test -count=1 -run 'TestRealRecursor|TestCritics$' ./edge/dns
