#!/usr/bin/env python3
"""Names the libraries that are linked into a program, and gives the texts of their licences.

    third-party.py PACKAGE   the package of cargo that the program is; writes to stdout
"""

import json
import pathlib
import subprocess
import sys


def cargo(*words: str) -> str:
    return subprocess.run(["cargo", *words], check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    package = sys.argv[1]
    host = next(line[6:] for line in subprocess.run(["rustc", "-vV"], check=True, stdout=subprocess.PIPE, text=True)
                .stdout.splitlines() if line.startswith("host: "))
    tree = cargo("tree", "--locked", "--package", package, "--edges", "normal", "--target", host, "--prefix", "none", "--format", "{p}")
    linked = {tuple(line.split()[:2]) for line in tree.splitlines() if line.strip()}
    metadata = json.loads(cargo("metadata", "--locked", "--format-version", "1", "--filter-platform", host))
    crates = sorted(
        (crate for crate in metadata["packages"] if crate["source"] and (crate["name"], "v" + crate["version"]) in linked),
        key=lambda crate: (crate["name"], crate["version"]),
    )
    texts: dict[str, list[str]] = {}
    print("Libraries in this program, with their versions and licences:\n")
    for crate in crates:
        name = f"{crate['name']} {crate['version']}"
        print(f"  {name}: {crate['license'] or 'see below'}")
        folder = pathlib.Path(crate["manifest_path"]).parent
        for path in sorted(folder.iterdir()):
            if path.is_file() and path.name.upper().startswith(("LICENSE", "LICENCE", "COPYING", "NOTICE", "COPYRIGHT", "UNLICENSE")):
                text = path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n").strip()
                texts.setdefault(text, []).append(name)
    print("\nSQLite, in libsqlite3-sys, is in the public domain. A program that is linked statically also holds parts")
    print("of the GNU C Library, under the LGPL, version 2.1 or later: /usr/share/common-licenses/LGPL-2.1.")
    for text, names in texts.items():
        print(f"\n{'-' * 100}\n{', '.join(names)}\n\n{text}")


if __name__ == "__main__":
    main()
