#!/usr/bin/env bash
# Installs the packages in a fresh Debian, uses them as their users would, and takes them away again. What is tried is said
# by `test` in the description of each package, and afterwards by `test-purged`; both run within the new root.
#   test-deb.sh DIRECTORY-OF-PACKAGES   as root; SUITE and MIRROR choose another Debian
set -euo pipefail
shopt -s nullglob

packages=$(realpath "${1:?usage: ${0##*/} DIRECTORY-OF-PACKAGES}")
descriptions=$(realpath "$(dirname "$0")/../packaging/deb")
suite=${SUITE:-bookworm}
fail() {
  echo "${0##*/}: $*" >&2
  exit 1
}
[ "$(id -u)" = 0 ] || fail "only root may change into another root: sudo $0 $packages"
debs=("$packages"/*.deb)
[ ${#debs[@]} -gt 0 ] || fail "there are no packages in $packages: make deb"

root=$(mktemp -d "${TMPDIR:-/tmp}/cms-deb.XXXXXX")
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

names=() needs=init-system-helpers
for deb in "${debs[@]}"; do
  name=$(dpkg-deb --field "$deb" Package)
  names+=("$name")
  if [ -f "$descriptions/$name/test-needs" ]; then
    needs+=,$(paste -sd , "$descriptions/$name/test-needs")
  fi
done
# With all that its packages depend on, so that dpkg alone can install them.
depends=$(for deb in "${debs[@]}"; do dpkg-deb --field "$deb" Pre-Depends Depends; done | sed 's/^[A-Za-z-]*: //; s/([^)]*)//g; s/|[^,]*//g' | tr ',' '\n' | tr -d ' ' | sort -u)
for depend in $depends; do
  case " ${names[*]} " in *" $depend "*) ;; *) needs+=,$depend ;; esac
done
mmdebstrap --quiet --variant=essential --include="$needs" "$suite" "$root" ${MIRROR:+"$MIRROR"}
mkdir "$root/packages" "$root/tests"
cp "${debs[@]}" "$root/packages"

inside() {
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=dumb DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
}
try() {
  local test=$1 name
  for name in "${names[@]}"; do
    [ -f "$descriptions/$name/$test" ] || continue
    install -m 755 "$descriptions/$name/$test" "$root/tests/$name"
    inside "/tests/$name" || fail "$name: $test failed"
  done
}

inside sh -c 'dpkg --install /packages/*.deb' >"$root/install.log" 2>&1 || fail "$(<"$root/install.log")"
try test
inside dpkg --purge "${names[@]}" >"$root/purge.log" 2>&1 || fail "$(<"$root/purge.log")"
try test-purged
echo "installed, tried and taken away: ${names[*]}"
