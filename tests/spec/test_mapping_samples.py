"""GetPut on the guide's own examples: what is read from them and put back unchanged leaves every leaf as it was."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from casebridge.core.case import records_of, validate_record
from casebridge.mapping import OwnIds, load_set, with_converters
from casebridge.plugins import load_plugins

ROOT = Path(__file__).parents[2]
SAMPLES = Path(os.environ.get("CASEBRIDGE_SAMPLES") or ROOT.parent / "shared" / "samples") / "fhir" / "examples"
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples are not here")


def resources() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(SAMPLES.rglob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        entries = [e.get("resource") for e in found.get("entry", [])] if isinstance(found, dict) else []
        yield from ((path.name, r) for r in entries or [found] if isinstance(r, dict) and "resourceType" in r)


def test_put_back_unchanged_every_leaf_is_as_it_was() -> None:
    maps = load_set("sdohcc", [ROOT / "mappings"], converters=with_converters(load_plugins().converters.values()))
    tried = 0
    for name, resource in resources():
        the_map = maps.find(f"fhir-r4/{resource['resourceType']}", resource)
        if the_map is None:
            continue
        tried += 1
        slice_ = the_map.read(resource).slice
        for kind, _, record in records_of(slice_):
            validate_record(kind, record)
        written = the_map.write(slice_, OwnIds(), resource)
        assert written.data == resource, name
        assert written.no_room == [], name
    assert tried > 20
