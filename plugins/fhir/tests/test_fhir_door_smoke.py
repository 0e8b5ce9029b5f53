"""Somebody else's conformance tests against our FHIR door: sekmet-fhir's smoke scenario, all of its steps, and its
client of SMART Backend Services."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from databases import NewStore
from doors import TOKEN, doors_of, free_port
from sites import TestSite

SEKMET = Path(sys.executable).with_name("sekmet")
pytestmark = pytest.mark.skipif(not SEKMET.exists(), reason="sekmet-fhir is not installed (the demo extra)")
long = pytest.mark.long
SCOPES = "system/*.cruds"
OURS = f'smart = {{ client_id = "sekmet", jwks_file = "sekmet.jwks.json", scopes = "{SCOPES}" }}'
WAYS_IN = [("ES384", "json"), pytest.param(("RS384", "xml"), marks=long), pytest.param(("bearer", "json"), marks=long)]


def sekmet(folder: Path, *asked: str) -> str:
    """What it says; it found nothing to complain of."""
    done = subprocess.run([SEKMET, *asked], cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def credentials(folder: Path, way: str, scope: str = SCOPES) -> dict[str, Any]:
    """How sekmet signs in: with the token, or with a key that it makes itself; we are given the public half."""
    if way == "bearer":
        return {"type": "bearer", "token": TOKEN}
    sekmet(folder, "keys", "generate", "--out", "sekmet.pem", "--alg", way)
    return {"type": "smart", "client_id": "sekmet", "private_key_path": "sekmet.pem", "alg": way, "scope": scope}


@contextmanager
def door(folder: Path, store: str, auth: dict[str, Any], format_: str = "json") -> Iterator[None]:
    """Our door is open, and in ``sekmet.json`` it is the peer ``bridge``."""
    port = free_port()
    base = f"http://127.0.0.1:{port}/fhir"
    peer = {"base_url": base, "auth": auth, "format": format_}
    (folder / "sekmet.json").write_text(json.dumps(
        {"data_dir": "data", "simulator": {"enabled": False}, "peers": {"bridge": peer}}))  # fmt: skip
    (folder / "token").write_text(TOKEN)
    signs_in = 'token = "file:token"' if auth["type"] == "bearer" else OURS
    settings = f'{{ {signs_in}, may_write = ["*"] }}\ndoor_settings = {{ base_url = "{base}" }}'
    site = TestSite(folder, store=store, hospital_carrier="fhir", hospital_settings=settings)
    with doors_of(site.bridge, port):
        yield
    site.bridge.close()


@pytest.mark.parametrize("way", WAYS_IN, ids=" ".join)
def test_a_fully_entitled_partner_finds_a_conforming_server(
    tmp_path: Path, some_store: NewStore, way: tuple[str, str]
) -> None:
    with door(tmp_path, some_store(), credentials(tmp_path, way[0]), way[1]):
        asked = ["conformance_smoke", "--peer", "bridge", "-c", "sekmet.json", "--no-serve"]
        said = sekmet(tmp_path, "scenario", "run", *asked)
    assert re.findall(r"^ +([A-Z]+) +\d+\.", said, re.M) == ["PASSED"] * 18, said


@long
@pytest.mark.parametrize(("alg", "scopes"), [("RS384", "system/*.read"), ("ES384", "system/Task.u system/Task.rs")])
def test_it_signs_in_by_smart_and_finds_out_where_from_the_server_itself(
    tmp_path: Path, some_store: NewStore, alg: str, scopes: str
) -> None:
    """Also with scopes as SMART's first version wrote them."""
    with door(tmp_path, some_store(), credentials(tmp_path, alg, scopes)):
        said = json.loads(sekmet(tmp_path, "peers", "test", "bridge", "-c", "sekmet.json"))
    assert "token_error" not in said, said
    assert said["token"]["token_type"].lower() == "bearer"
    assert 0 < said["token"]["expires_in"] <= 300
    assert set(said["token"]["scope"].split()) == set(scopes.split())
    assert (said["fhirVersion"], said["security"]) == ("4.0.1", ["SMART-on-FHIR"])
