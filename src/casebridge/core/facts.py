"""Facts that lie as tables beside the code: ``data/NAME`` of a package, as CSV with a head.

Lines that begin with ``#`` name the source.
"""

from __future__ import annotations

import csv
from importlib.resources import files


def rows(package: str, name: str) -> list[dict[str, str]]:
    """The rows of a table by the names of its columns, in their order: ``rows("casebridge.core", "errors.csv")``."""
    text = files(package).joinpath(f"data/{name}").read_text(encoding="utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
