#!/usr/bin/env python3
"""Writes what tools ask of an installed Python package, of the description of the package and the version of the workspace.

The packages of Debian have it beside the extension that cargo built; a wheel has the same from maturin.
"""

import pathlib
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "bindings" / "python"


def main() -> None:
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    print("Metadata-Version: 2.4")
    print(f"Name: {project['name']}")
    print(f"Version: {version}")
    print(f"Summary: {project['description']}")
    print(f"License-Expression: {project['license']}")
    print(f"Requires-Python: {project['requires-python']}")
    for classifier in project["classifiers"]:
        print(f"Classifier: {classifier}")
    for extra, needs in project.get("optional-dependencies", {}).items():
        print(f"Provides-Extra: {extra}")
        for need in needs:
            print(f"Requires-Dist: {need}; extra == '{extra}'")
    print("Description-Content-Type: text/markdown\n")
    print((PACKAGE / project["readme"]).read_text(), end="")


if __name__ == "__main__":
    main()
