#!/usr/bin/env bash
# Links the libraries of the archive that cargo built:
#   link.sh ARCHIVE DIRECTORY [strip]      without what is there for debugging, which is of Rust's own libraries in a release
# DIRECTORY has libcms.so.0, libcms.so and libcms.a then. Cargo could link the shared one as well, but hands the linker a list of names of
# its own, which no list with versions may stand beside.
set -euo pipefail

archive=$(realpath "$1") directory=$2 is_stripped=${3:-}
cc=${CC:-cc} objcopy=${OBJCOPY:-objcopy} ar=${AR:-ar}
names=$(cd "$(dirname "$0")" && pwd)/libcms.map
library=$directory/libcms.so.0
# Of which archive the libraries are.
source=$directory/.archive

mkdir -p "$directory"
if [ "$(cat "$source" 2>/dev/null)" = "$archive" ] && [ "$library" -nt "$archive" ] && [ "$library" -nt "$names" ] && [ "$library" -nt "$0" ]; then
  exit
fi
# Whoever links at the same time makes the same.
work=$(mktemp -d "$directory/.link.XXXXXX")
trap 'rm -rf "$work"' EXIT
link=() copy=()
if [ "$is_stripped" = strip ]; then
  link=(-Wl,--strip-debug)
  copy=(--strip-debug)
fi

# One object, in which only the names of the list are seen: a program may have another SQLite, and other libraries of Rust, beside it. What
# the compiler keeps for its own linker is two thirds of the archive, and of no use to others.
"$cc" -r -nostdlib -o "$work/all.o" -Wl,--force-group-allocation -Wl,--whole-archive "$archive"
sed -n 's/^ *\([a-z_0-9]*\);$/\1/p' "$names" >"$work/names"
"$objcopy" --keep-global-symbols="$work/names" --remove-section=.llvmbc --remove-section=.llvmcmd "${copy[@]}" "$work/all.o" "$work/cms.o"
"$ar" rcsD "$work/libcms.a" "$work/cms.o"

# The first number of the name changes when a program that was linked against an older library would break.
# Of the archive all that leads to a name of the list is taken, and nothing that does not.
"$cc" -shared -o "$work/libcms.so.0" -Wl,-soname,libcms.so.0 -Wl,--version-script="$names" \
  -Wl,--whole-archive "$archive" -Wl,--no-whole-archive -Wl,--gc-sections \
  -Wl,-z,relro,-z,now,-z,defs -Wl,--as-needed -lgcc_s -lpthread -ldl -lm "${link[@]}"

mv "$work/libcms.a" "$work/libcms.so.0" "$directory"
ln -sfn libcms.so.0 "$directory/libcms.so"
echo "$archive" >"$source"
