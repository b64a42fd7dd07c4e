#!/usr/bin/env bash
# Tests the Python package as it is installed from its wheel.
#   test-python.sh TARGET   with the target directory of the workspace
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
# The profile of the workspace's tests, so that its crates are built once.
python=$("$root/scripts/python-env.sh" "$1" dev)
cache=${python%/bin/python}/mypy-cache

cd "$root/bindings/python"
export PYTHONDONTWRITEBYTECODE=1
"$python" -m pytest
# The stubs say what the extension has. What is checked is the package as it is installed, as its users' checkers see it.
"$python" -m mypy --strict --cache-dir "$cache" --package cms
"$python" -m mypy --strict --cache-dir "$cache" tests "$root/examples/python"
"$python" -m mypy.stubtest --ignore-disjoint-bases --mypy-config-file pyproject.toml cms._native
