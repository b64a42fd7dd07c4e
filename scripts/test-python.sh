#!/usr/bin/env bash
# Builds the wheel of the Python package, installs it into a virtual environment of its own, and tests it there.
#   test-python.sh TARGET   with the target directory of the workspace, which holds the builds and the environment
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
target=$(cd "$1" && pwd)
venv=$target/python/venv
wheels=$target/python/wheels

if ! "$venv/bin/python" -c 'import hypothesis, maturin, mypy, pydantic, pytest' 2>/dev/null; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check \
    'maturin>=1.9.4,<2' 'hypothesis>=6' 'mypy>=1.11' 'pydantic>=2' 'pytest>=8'
fi

rm -rf "$wheels"
# The profile of the workspace's tests, so that its crates are built once.
CARGO_TARGET_DIR=$target "$venv/bin/maturin" build --quiet --locked --profile dev \
  --manifest-path "$root/bindings/python/Cargo.toml" --interpreter "$venv/bin/python" --out "$wheels"
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-index --no-deps --force-reinstall "$wheels"/*.whl

cd "$root/bindings/python"
export PYTHONDONTWRITEBYTECODE=1
"$venv/bin/python" -m pytest
# The stubs say what the extension has. What is checked is the package as it is installed, as its users' checkers see it.
cache=$target/python/mypy
"$venv/bin/python" -m mypy --strict --cache-dir "$cache" --package cms
"$venv/bin/python" -m mypy --strict --cache-dir "$cache" tests "$root/examples/python"
"$venv/bin/python" -m mypy.stubtest --ignore-disjoint-bases --mypy-config-file pyproject.toml cms._native
