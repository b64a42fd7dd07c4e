#!/usr/bin/env bash
# Installs what a target needs on Debian, and nothing that is there already.
#   deps.sh build   a C compiler and linker (the bundled SQLite, and Rust itself)
#   deps.sh capi    that, and uthash (the C library)
#   deps.sh test    that of capi, Python with PyYAML (the conformance suite), man (the manual), a C++ compiler, CMake and valgrind (the C library's tests), and virtual environments (the Python package)
#   deps.sh bench   that of build, and the libraries that the figures are compared with
#   deps.sh deb     that of build, Python, and what checks and tries packages
set -euo pipefail

packages=()

need_compiler() {
  local probe
  probe=$(mktemp -d)
  # A compiler without the C library's headers would fail later and less clearly.
  printf '#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n' > "$probe/probe.c"
  if ! cc -o "$probe/probe" "$probe/probe.c" 2>/dev/null; then packages+=(gcc libc6-dev); fi
  rm -rf "$probe"
}

need_yaml() {
  python3 -c 'import yaml' 2>/dev/null || packages+=(python3 python3-yaml)
}

# A program, and the package that has it.
need_program() {
  command -v "$1" >/dev/null || packages+=("$2")
}

need_venv() {
  # Debian has a venv that cannot install anything without the second package.
  python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3 python3-venv)
}

# A header of a library, and the package that has it.
need_header() {
  echo "#include <$1>" | cc -E - >/dev/null 2>&1 || packages+=("$2")
}

case ${1:-} in
  build) need_compiler ;;
  capi) need_compiler; need_header uthash.h uthash-dev ;;
  test)
    need_compiler; need_yaml; need_venv; need_program man man-db; need_header uthash.h uthash-dev
    need_program c++ g++; need_program cmake cmake; need_program make make; need_program valgrind valgrind ;;
  deb) need_compiler; need_program python3 python3; need_program dpkg-shlibdeps dpkg-dev; need_program lintian lintian; need_program mmdebstrap mmdebstrap ;;
  bench) need_compiler; need_venv; need_header uthash.h uthash-dev; need_header lmdb.h liblmdb-dev ;;
  *) echo "usage: ${0##*/} build|capi|test|bench|deb" >&2; exit 2 ;;
esac
[ ${#packages[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "please install: ${packages[*]}" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" != 0 ]; then
  if ! sudo -n true 2>/dev/null; then
    echo "neither root nor sudo: please install ${packages[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "installing ${packages[*]}"
install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --no-install-recommends "${packages[@]}" >"$log" 2>&1
}
# The package lists of a fresh machine are empty or old: fetch them only when the first try fails.
if ! install; then
  "${as_root[@]}" apt-get update >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
  install || { cat "$log" >&2; exit 1; }
fi
