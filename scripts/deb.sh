#!/usr/bin/env bash
# Builds Debian packages from packaging/deb, whose README.md says how a package is described.
#   deb.sh TARGET [PACKAGE...]   with what the build has put into TARGET; puts the packages into TARGET/deb
set -euo pipefail
shopt -s nullglob

target=$(realpath "${1:?usage: ${0##*/} TARGET [PACKAGE...]}")
shift
cd "$(dirname "$0")/.."
descriptions=packaging/deb
out=$target/deb
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "${0##*/}: $*" >&2
  exit 1
}

libdir=usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
version=$(sed -n '1s/^cms (\([^)]*\)).*/\1/p' "$descriptions/changelog")
maintainer=$(sed -n 's/^ -- \(.*>\)  .*/\1/p' "$descriptions/changelog" | head -n 1)
date=$(sed -n 's/^ -- .*>  //p' "$descriptions/changelog" | head -n 1)
workspace=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
[ "${version%-*}" = "$workspace" ] || fail "$descriptions/changelog is at $version, the workspace at $workspace: add an entry for it"
# The time of all files in the packages.
SOURCE_DATE_EPOCH=$(date -d "$date" +%s)
export SOURCE_DATE_EPOCH

# Programs and libraries go without symbols, which are of use only to who has the source, and can build them again.
strip_elf() {
  if [ "$(head -c 4 "$1" | tr -d '\0')" = $'\x7fELF' ]; then strip "$2" --remove-section=.comment --remove-section=.note "$1"; fi
}

# The packages whose libraries the programs and libraries of a root ask for.
needed_libraries() {
  local file elves=()
  while IFS= read -r file; do
    if objdump -p "$file" 2>/dev/null | grep -q NEEDED; then elves+=("$file"); fi
  done < <(find "$1" -type f \( -name '*.so*' -o -path '*/bin/*' \))
  # What asks wants to be called in the tree of a source package.
  mkdir -p "$work/source/debian"
  printf 'Source: cms\n\nPackage: cms\nArchitecture: any\n' >"$work/source/debian/control"
  (cd "$work/source" && dpkg-shlibdeps -O "${elves[@]}") | sed 's/^shlibs:Depends=//'
}

# One line of a list of files.
place() {
  local root=$1 source=$2 place=$3 mode=${4:-644}
  source=${source//@LIBDIR@/$libdir} place=${place//@LIBDIR@/$libdir}
  source=${source//@UPSTREAM@/$workspace} place=${place//@UPSTREAM@/$workspace}
  if [ "$source" = - ]; then
    install -d -m 755 "$root/$place"
    return
  fi
  if [[ $source == link:* ]]; then
    install -d -m 755 "$(dirname "$root/$place")"
    ln -s "${source#link:}" "$root/$place"
    return
  fi
  local found=(${source/@TARGET@/$target}) file to
  for file in "${found[@]}"; do
    [ -e "$file" ] || fail "$file is not there; is it built?"
    to=$root/$place
    [[ $place == */ ]] && to=$to$(basename "$file")
    install -D -m "$mode" "$file" "$to"
    case ${to#"$root/"} in
      usr/share/man/*) gzip -9n "$to" ;;
      usr/bin/* | usr/sbin/* | usr/libexec/*) strip_elf "$to" --strip-all ;;
      usr/lib/*.a) strip --strip-debug --remove-section=.comment --remove-section=.note --enable-deterministic-archives "$to" ;;
      usr/lib/*) strip_elf "$to" --strip-unneeded ;;
      lib/systemd/*) sed -i 's|/usr/local|/usr|g' "$to" ;;
    esac
  done
  [ ${#found[@]} -gt 0 ] || fail "nothing is like $source; is it built?"
}

build() {
  local package=$1 root=$work/$1 about=$descriptions/$1 source where mode
  [ -f "$about/control" ] || fail "there is no package $package in $descriptions"
  install -d -m 755 "$root/DEBIAN"
  while read -r source where mode; do
    case $source in '' | '#'*) continue ;; esac
    place "$root" "$source" "$where" "$mode"
  done <"$about/files"

  local doc=$root/usr/share/doc/$package
  install -D -m 644 "$descriptions/copyright" "$doc/copyright"
  gzip -9nc "$descriptions/changelog" >"$doc/changelog.Debian.gz"
  gzip -9nc CHANGELOG.md >"$doc/changelog.gz"
  chmod 644 "$doc"/changelog*.gz
  # Whose code is linked in, with the licences.
  if [ -f "$about/crate" ]; then
    scripts/third-party.py "$(<"$about/crate")" >"$doc/THIRD-PARTY"
    gzip -9n "$doc/THIRD-PARTY"
  fi
  if [ -f "$about/lintian-overrides" ]; then
    install -D -m 644 "$about/lintian-overrides" "$root/usr/share/lintian/overrides/$package"
  fi

  local script
  for script in postinst prerm postrm preinst; do
    if [ -f "$about/$script" ]; then install -m 755 "$about/$script" "$root/DEBIAN/$script"; fi
  done
  for script in conffiles triggers shlibs; do
    if [ -f "$about/$script" ]; then install -m 644 "$about/$script" "$root/DEBIAN/$script"; fi
  done
  # A name that is missing in the list, or in the library, is an error.
  if [ -f "$about/symbols" ]; then
    dpkg-gensymbols -p"$package" -v"$version" -I"$about/symbols" -P"$root" -O"$root/DEBIAN/symbols" -c4 >&2
    chmod 644 "$root/DEBIAN/symbols"
  fi
  (cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\n' | LC_ALL=C sort | tr '\n' '\0' | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
  chmod 644 "$root/DEBIAN/md5sums"

  local architecture size libraries=
  if grep -q @SHLIBS@ "$about/control"; then libraries=$(needed_libraries "$root"); fi
  architecture=$(sed -n 's/^Architecture: //p' "$about/control")
  size=$(du -sk --apparent-size --exclude=DEBIAN "$root" | cut -f 1)
  {
    sed -n '1p' "$about/control"
    echo "Version: $version"
    [ -n "$architecture" ] || echo "Architecture: ${architecture:=$(dpkg --print-architecture)}"
    echo "Maintainer: $maintainer"
    echo "Installed-Size: $size"
    sed "1d; s/@VERSION@/$version/g; s/@SHLIBS@/$libraries/g" "$about/control"
  } >"$root/DEBIAN/control"
  mkdir -p "$out"
  dpkg-deb --root-owner-group -Zxz --build "$root" "$out/${package}_${version}_${architecture:-$(dpkg --print-architecture)}.deb" >/dev/null
  echo "$out/${package}_${version}_${architecture:-$(dpkg --print-architecture)}.deb"
}

packages=("$@")
if [ ${#packages[@]} = 0 ]; then packages=("$descriptions"/*/control); packages=("${packages[@]%/control}"); packages=("${packages[@]##*/}"); fi
for package in "${packages[@]}"; do build "$package"; done
