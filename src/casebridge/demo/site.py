"""The demo's two sites: their casebridge.toml, the folders of partners, and the map that is mended in the play."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from casebridge.core.errors import SetupError

PLANNER = "planning@mercy.example"
FOOD_BANK = "intake@foodbank.example"
ENERGY_DESK = "desk@energy.example"
MERCY_SCOPES = "system/*.rs system/Task.cu system/ServiceRequest.cu system/Patient.cu system/Condition.cu"

_PORTS = ("hospital", "rides", "mail", "partners", "console", "energy", "energy_console")
_OVERLAY = """\
# The state's own notation, laid over the 834 map that comes with CaseBridge.
map: x12/834-subscriber
base: x12/834-subscriber
codes:
  dmg03:
    rows:
      - [other, X]      # the state began to send X this month; the guide knows F, M and U
    otherwise: refuse
"""


@dataclass(frozen=True, slots=True)
class DemoSite:
    """Where everything is. The ports are kept, so that a demo that was killed goes on with its links intact."""

    folder: Path
    ports: Mapping[str, int]
    tag: str  # ends the ids at a hospital's server that is not ours, so that every demo there is a new one

    @property
    def network(self) -> Path:
        return self.folder / "casebridge.toml"

    @property
    def energy(self) -> Path:
        """The site of the agency that runs a CaseBridge of its own."""
        return self.folder / "energy" / "casebridge.toml"

    def fhir(self, whose: str) -> str:
        """The FHIR base address of ``hospital``, ``rides`` or ``energy`` on this machine."""
        return f"http://127.0.0.1:{self.ports[whose]}/fhir"


def make_site(folder: Path, hospital_url: str) -> DemoSite:
    """Write what is not there yet; what a killed demo left is kept. SetupError CB-101 for another version's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    site = DemoSite(folder, _ports(folder), _tag(folder / "tag.txt") if hospital_url else "")
    for name in ("state", "hmis"):
        (folder / name / "in").mkdir(parents=True, exist_ok=True)
    write_once(site.network, _filled("casebridge.toml", site, hospital_url))
    write_once(site.energy, _filled("energy.toml", site, hospital_url))
    return site


def mend_map(site: DemoSite) -> None:
    """Lay the missing code over the map that is shipped, as the site's IT person would."""
    write_once(site.folder / "mappings" / "x12" / "834-subscriber.yaml", _OVERLAY)


def write_once(path: Path, text: str) -> None:
    """The whole file or none of it; one that is there is left alone."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".tmp")
    partial.touch(mode=0o600)
    partial.write_text(text, encoding="utf-8")
    partial.rename(path)


def _filled(name: str, site: DemoSite, hospital_url: str) -> str:
    text = files("casebridge.demo").joinpath(f"data/{name}").read_text(encoding="utf-8")
    values = {
        "HOSPITAL": hospital_url or site.fhir("hospital"), "RIDES": site.fhir("rides"), "ENERGY": site.fhir("energy"),
        "TAG": site.tag, "PLANNER": PLANNER, "FOOD_BANK": FOOD_BANK, "ENERGY_DESK": ENERGY_DESK,
        "MERCY_SCOPES": MERCY_SCOPES, **{f"{port.upper()}_PORT": str(number) for port, number in site.ports.items()},
    }  # fmt: skip
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text


def _tag(path: Path) -> str:
    write_once(path, f"-{secrets.token_hex(4)}")
    return path.read_text()


def _ports(folder: Path) -> dict[str, int]:
    path = folder / "ports.json"
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in _PORTS]
    write_once(path, json.dumps(dict(zip(_PORTS, (s.getsockname()[1] for s in sockets), strict=True))))
    for s in sockets:
        s.close()
    found: dict[str, int] = json.loads(path.read_text())
    if set(found) != set(_PORTS):
        remedy = "Name another folder with --keep, or take this one away."
        raise SetupError("CB-101", f"{folder} was left by another version of the demo", remedy=remedy)
    return found
