#!/usr/bin/env bash
# Installs the C library from where link.sh put it:
#   install.sh LINKED DESTDIR PREFIX LIBDIR LIBUCI
# The header and the linker's name of libuci are in directories of their own, for programs that were written for it and ask pkg-config for
# cms-libuci. With LIBUCI=1 they are found without asking as well; where the real libuci is installed they would take its place.
set -euo pipefail

linked=$1 destdir=$2 prefix=$3 libdir=$4 libuci=$5
source=$(cd "$(dirname "$0")/../.." && pwd)
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$source/Cargo.toml")
lib=$destdir$libdir
include=$destdir$prefix/include

install -D -m 755 "$linked/libcms.so.0" "$lib/libcms.so.$version"
# What programs ask for when they start, and what the linker asks for.
ln -sf "libcms.so.$version" "$lib/libcms.so.0"
ln -sf libcms.so.0 "$lib/libcms.so"
install -D -m 644 "$linked/libcms.a" "$lib/libcms.a"
install -D -m 644 "$source/include/cms/cms.h" "$include/cms/cms.h"
install -D -m 644 "$source/include/uci.h" "$include/cms/libuci/uci.h"
mkdir -p "$lib/cms"
ln -sf ../libcms.so.0 "$lib/cms/libuci.so"
if [ "$libuci" = 1 ]; then
  install -D -m 644 "$source/include/uci.h" "$include/uci.h"
  ln -sf libcms.so.0 "$lib/libuci.so"
fi

fill() {
  mkdir -p "$(dirname "$2")"
  sed -e "s|@PREFIX@|$prefix|g" -e "s|@LIBDIR@|$libdir|g" -e "s|@VERSION@|$version|g" "$source/contrib/capi/$1" >"$2"
}
fill cms.pc.in "$lib/pkgconfig/cms.pc"
fill cms-libuci.pc.in "$lib/pkgconfig/cms-libuci.pc"
fill cms-config.cmake.in "$lib/cmake/cms/cms-config.cmake"
fill cms-config-version.cmake.in "$lib/cmake/cms/cms-config-version.cmake"
