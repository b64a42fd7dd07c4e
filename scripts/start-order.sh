#!/bin/sh
# Writes the order in which a start of `cms` first uses its functions: scripts/start-order.sh target/release/cms > crates/cms-cli/start.order
#
# The linker puts them side by side, in this order. A short command spends a third of its time on page faults, most of them for
# code that lies spread over the program; together it needs a quarter of them. Names of functions change with the compiler and with
# what they are called with: one that is gone is passed over, so an old list costs speed and nothing else.
set -eu
program=$(realpath "$1")
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
mkdir "$room/config" "$room/state" "$room/run"
cp "$(dirname "$0")"/../examples/etc-config/* "$room/config/"
export HOME="$room" CMS_STATE_DIR="$room/state" CMS_RUN_DIR="$room/run" CMS_MODULES="$room"

round=0
watched() {
	round=$((round + 1))
	valgrind --quiet --tool=callgrind --demangle=no --callgrind-out-file="$room/$(printf 'calls.%03d' $round)" \
		"$program" -c "$room/config" "$@" >/dev/null 2>&1
}

"$program" -c "$room/config" set network.lan.ipaddr=192.168.1.2
"$program" -c "$room/config" commit 2>/dev/null
watched get network.lan.ipaddr
watched set network.lan.ipaddr=192.168.1.3
watched commit
watched show network
watched add_list network.lan.dns=192.0.2.1
watched changes
watched commit

nm "$program" | awk '
	FILENAME == "-" { if ($2 ~ /^[tTwW]$/) known[$3] = 1; next }
	/^c?fn=\([0-9]+\) / {
		name = substr($0, index($0, ") ") + 2)
		sub(/\047[0-9]+$/, "", name)
		if (name in known && !(name in seen)) { seen[name] = 1; print name }
	}
' - "$room"/calls.*
