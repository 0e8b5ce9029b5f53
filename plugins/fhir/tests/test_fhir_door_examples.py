"""The guide's examples through the FHIR door and the store: what was put is read again, its numbers to the letter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
from casebridge_fhir.door.parameters import types
from databases import NewStore
from doors import SETTINGS, TOKEN, fhir_client
from sites import TestSite

from casebridge.core.jsontext import dumps, loads


def resources(examples: dict[str, Path]) -> list[dict[str, Any]]:
    """Those that the door takes, and of Bundles what is in them; each once."""
    found: dict[str, dict[str, Any]] = {}
    for path in examples.values():
        root = loads(path.read_bytes())
        inside = [e["resource"] for e in root.get("entry", ())] if root["resourceType"] == "Bundle" else [root]
        for resource in inside:
            if resource["resourceType"] in types() and "id" in resource:
                found.setdefault(f"{resource['resourceType']}/{resource['id']}", resource)
    return list(found.values())


def said(resource: dict[str, Any]) -> bytes:
    """Without the version and the moment that a server sets."""
    meta = {k: v for k, v in resource.get("meta", {}).items() if k not in ("versionId", "lastUpdated")}
    rest = {k: v for k, v in resource.items() if k != "meta"} | ({"meta": meta} if meta else {})
    return dumps({name: rest[name] for name in sorted(rest)})


def test_every_example_comes_back_as_it_was_put(
    tmp_path: Path, some_store: NewStore, examples: dict[str, Path]
) -> None:
    (tmp_path / "token").write_text(TOKEN)
    site = TestSite(tmp_path, store=some_store(), hospital_carrier="fhir", hospital_settings=SETTINGS)
    changed, refused = [], {}
    with fhir_client(site.bridge) as client:
        for resource in resources(examples):
            path = f"{resource['resourceType']}/{resource['id']}"
            put: httpx2.Response = client.put(path, content=dumps(resource),
                                              headers={"Content-Type": "application/fhir+json"})  # fmt: skip
            if not put.is_success:
                refused[path] = json.dumps(put.json()["issue"][0])
            elif said(loads(client.get(path).content)) != said(resource):
                changed.append(path)
    site.bridge.close()
    assert refused == {}
    assert changed == []
