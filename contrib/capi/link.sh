#!/usr/bin/env bash
# Links the shared library of the archive that cargo built:
#   link.sh ARCHIVE DIRECTORY [FLAG...]      with flags for the compiler that links
# DIRECTORY has libcms.so.0, libcms.so and libcms.a then. Cargo could link it as well, but hands the linker a list of names of its own, which
# no list with versions may stand beside.
set -euo pipefail

archive=$(realpath "$1") directory=$2
shift 2
names=$(cd "$(dirname "$0")" && pwd)/libcms.map
library=$directory/libcms.so.0

mkdir -p "$directory"
if [ "$(readlink "$directory/libcms.a" || true)" != "$archive" ] || ! [ "$library" -nt "$archive" ] || ! [ "$library" -nt "$names" ] || ! [ "$library" -nt "$0" ]; then
  # The first number of the name changes when a program that was linked against an older library would break.
  # Of the archive all that leads to a name of the list is taken, and nothing that does not.
  "${CC:-cc}" -shared -o "$library~$$" -Wl,-soname,libcms.so.0 -Wl,--version-script="$names" \
    -Wl,--whole-archive "$archive" -Wl,--no-whole-archive -Wl,--gc-sections \
    -Wl,-z,relro,-z,now,-z,defs -Wl,--as-needed -lgcc_s -lpthread -ldl -lm "$@"
  # Whoever links at the same time makes the same.
  mv "$library~$$" "$library"
fi
ln -sfn "$archive" "$directory/libcms.a"
ln -sfn libcms.so.0 "$directory/libcms.so"
