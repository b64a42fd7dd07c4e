#!/usr/bin/env bash
# Builds the wheel of the Python package and installs it into a virtual environment of its own.
#   python-env.sh TARGET PROFILE   with the target directory of the workspace, which holds the builds and the environment
# Prints the path of the environment's Python.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
target=$(cd "$1" && pwd)
profile=$2
venv=$target/python/$profile
wheels=$target/python/wheels/$profile

if ! "$venv/bin/python" -c 'import hypothesis, maturin, mypy, pydantic, pytest' 2>/dev/null; then
  rm -rf "$venv"
  python3 -m venv "$venv" >&2
  "$venv/bin/pip" install --quiet --disable-pip-version-check \
    'maturin>=1.9.4,<2' 'hypothesis>=6' 'mypy>=1.11' 'pydantic>=2' 'pytest>=8' >&2
fi

rm -rf "$wheels"
CARGO_TARGET_DIR=$target "$venv/bin/maturin" build --quiet --locked --profile "$profile" \
  --manifest-path "$root/bindings/python/Cargo.toml" --interpreter "$venv/bin/python" --out "$wheels" >&2
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-index --no-deps --force-reinstall "$wheels"/*.whl >&2
echo "$venv/bin/python"
