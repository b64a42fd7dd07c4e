#!/usr/bin/env bash
# Shows the main job of cms on a private copy of the examples. Nothing outside of a temporary directory is touched.
#   quickstart.sh PATH/TO/cms
set -euo pipefail

cms=$(realpath "${1:-target/release/cms}")
here=$(cd "$(dirname "$0")/.." && pwd)
home=$(mktemp -d "${TMPDIR:-/tmp}/cms-quickstart.XXXXXX")
trap 'rm -rf "$home"' EXIT

cp -r "$here/examples/etc-config" "$home/config"
export CMS_STATE_DIR=$home/state CMS_RUN_DIR=$home/run CMS_MODULES=$here/schemas
cd "$home"

# What is typed is shown without the options that keep this run private.
cms() {
  printf '\n$ cms'
  local word
  for word in "$@"; do
    case $word in *[\ \*]*) printf " '%s'" "$word" ;; *) printf ' %s' "$word" ;; esac
  done
  printf '\n'
  "$cms" -c config --no-pager "$@"
}

printf 'Six packages, as a router has them: %s\n' "$(cd config && echo *)"
cms get network.lan.ipaddr
before=$("$cms" -c config history --json --limit 1 network | sed -n 's/.*"revision": *\([0-9]*\).*/\1/p' | head -n 1)
cms set network.lan.ipaddr=192.168.7.1
cms set dhcp.lan.limit=50
cms changes
cms commit -m 'Move the LAN to 192.168.7.0/24'
cms history network.lan.ipaddr
cms diff "$before"
printf '\nThe file changed in one line, comments and all:\n'
diff "$here/examples/etc-config/network" config/network || true
printf '\nA typo is caught before it takes the network down:\n'
cms set network.lan.proto=statc
cms commit --validate enforce 2>&1 || true
cms revert network.lan.proto
cms rollback "$before" -m 'Back to where it was'
cmp "$here/examples/etc-config/network" config/network && printf 'network is byte for byte what it was\n'

# What it cost: the median of some runs, beside a program that does nothing.
median() {
  local i start end
  for ((i = 0; i < 25; i++)); do
    start=${EPOCHREALTIME/[^0-9]/}
    "$@" >/dev/null
    end=${EPOCHREALTIME/[^0-9]/}
    echo $((end - start))
  done | sort -n | awk '{a[NR] = $1} END {printf "%.1f ms", a[int((NR + 1) / 2)] / 1000}'
}
number=0
change() {
  number=$((number + 1))
  "$cms" -q -c config set "system.main.log_size=$((128 + number))"
  "$cms" -q -c config commit 2>/dev/null
}
printf '\nWhat it cost, each as a process of its own (median of 25):\n'
printf '  %-30s %10s\n' 'start of an empty program' "$(median "$(type -P true)")" \
  'cms get' "$(median "$cms" -c config get network.lan.ipaddr)" \
  'cms set + cms commit, durable' "$(median change)"
