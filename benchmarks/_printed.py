"""How a benchmark shows its figures: versions first, then a line each, or all as JSON."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

Figure = dict[str, Any]  # name, value, unit, compared_to, ratio


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Of Python and of what was measured; what is not installed is said to be so."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def show(figures: list[Figure], packages: Iterable[str], *, as_json: bool) -> None:
    """Print the figures."""
    known = versions(packages)
    if as_json:
        print(json.dumps({"versions": known, "figures": figures}, ensure_ascii=False, indent=2))
        return
    print(", ".join(f"{name} {found}" for name, found in known.items()))
    for figure in figures:
        value, ratio = f"{figure['value']:>12} {figure['unit']:<9}", f"{figure['ratio']:>8} x {figure['compared_to']}"
        print(f"{figure['name']:<90} {value} {ratio}")
