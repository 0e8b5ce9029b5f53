"""The value sets a site has loaded: a folder of ValueSet resources with their expansion (JSON), read when asked for.

VSAC's value sets of the Gravity Project need a licence (UMLS), so none is shipped. Without them the rules that need
them are said to be *not checked*.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from casebridge.core.errors import SetupError
from casebridge.core.jsontext import loads
from casebridge_fhir.checking.places import Codes

LARGEST = 64 * 1024 * 1024  # bytes; the largest value set of VSAC in JSON is a tenth of it


class Expansions:
    """The codes of value sets by address (without a version)."""

    def __init__(self, folder: Path | None = None) -> None:
        """SetupError CB-241 when the folder is none or a file in it is no expanded ValueSet."""
        self._codes: dict[str, Codes] = {}
        if folder is None:
            return
        if not folder.is_dir():
            raise SetupError("CB-241", f"there is no folder {folder} of value sets")
        for path in sorted(folder.glob("*.json")):
            self._add(path)

    def codes(self, address: str) -> Codes | None:
        """The codes of that value set; None when it was not loaded."""
        return self._codes.get(address.partition("|")[0])

    def _add(self, path: Path) -> None:
        root = _read(path)
        expansion = root.get("expansion")
        address = root.get("url")
        if root.get("resourceType") != "ValueSet" or not isinstance(expansion, Mapping) or not isinstance(address, str):
            remedy = "Ask the terminology server for it with $expand, or take the file away."
            raise SetupError("CB-241", f"{path.name} is no ValueSet with its address and its expansion", remedy=remedy)
        address = address.partition("|")[0]
        pairs = frozenset(_pairs(expansion))
        before = self._codes[address].pairs if address in self._codes else frozenset()
        self._codes[address] = Codes(address, before | pairs)


def _read(path: Path) -> dict[str, Any]:
    if path.stat().st_size > LARGEST:
        raise SetupError("CB-241", f"{path.name} is larger than {LARGEST} bytes")
    try:
        root = loads(path.read_bytes())
    except ValueError as error:
        raise SetupError("CB-241", f"{path.name}: {error}") from None
    return root if isinstance(root, dict) else {}


def _pairs(expansion: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    listed = expansion.get("contains")
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, Mapping):
            if isinstance(one.get("code"), str) and one.get("abstract") is not True:
                yield str(one.get("system", "")), one["code"]
            yield from _pairs(one)
