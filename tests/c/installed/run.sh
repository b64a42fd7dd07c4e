#!/usr/bin/env bash
# Installs the library in a place of its own, and builds and runs programs that find it there with find_package(cms):
#   run.sh LINKED      with what link.sh made
set -euo pipefail

linked=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
top=$here/../../..
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$top/contrib/capi/install.sh" "$linked" "" "$work/usr" "$work/usr/lib" 0
{
  # Another generator, or flags that the caller's own project was made with, are no business of these programs.
  env -u CMAKE_GENERATOR cmake -S "$here" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/usr"
  cmake --build "$work/build"
} >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
for program in in_c in_cplusplus static for_libuci; do
  "$top/contrib/capi/in-a-home.sh" "$work/build/$program" >/dev/null || { echo "$program failed" >&2; exit 1; }
done
