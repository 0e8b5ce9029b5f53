"""The demo's site: a casebridge.toml, the folders of its partners, and one map with a code still missing."""

from __future__ import annotations

import json
import secrets
import socket
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

PLANNER = "planning@mercy.example"
FOOD_BANK = "intake@foodbank.example"

STATE_MAP = """\
# The state's own notation, laid over the 834 map that comes with CaseBridge.
map: state-834/{name}
base: x12/{name}
"""
MENDED = """\
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
    hospital_port: int
    mail_port: int
    partners_port: int
    console_port: int
    tag: str  # ends the ids at a hospital's server that is not ours, so that every demo there is a new one

    @property
    def config(self) -> Path:
        return self.folder / "casebridge.toml"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def hmis(self) -> Path:
        return self.folder / "hmis"

    @property
    def mail(self) -> Path:
        return self.folder / "mail"


def make_site(folder: Path, hospital_url: str) -> DemoSite:
    """Write what is not there yet; what a killed demo left is kept as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    site = DemoSite(folder, **_ports(folder / "ports.json"), tag=_tag(folder / "tag.txt") if hospital_url else "")
    for name in ("state", "hmis"):
        (folder / name / "in").mkdir(parents=True, exist_ok=True)
    url = hospital_url or f"http://127.0.0.1:{site.hospital_port}/fhir"
    _write_once(site.config, _config(site, url))
    for name in state_map_names():
        _write_once(folder / "mappings" / "state-834" / f"{name}.yaml", STATE_MAP.format(name=name))
    return site


def state_map_names() -> list[str]:
    """The 834 maps that come with CaseBridge, one for subscribers and one for dependents."""
    folder = Path(str(files("casebridge").joinpath("mappings/x12")))
    return sorted(f.name.removesuffix(".yaml") for f in folder.glob("834-*.yaml"))


def mend_maps(site: DemoSite) -> None:
    """Add the missing code to the site's maps, as its IT person would."""
    for name in state_map_names():
        path = site.folder / "mappings" / "state-834" / f"{name}.yaml"
        path.write_text(STATE_MAP.format(name=name) + MENDED, encoding="utf-8")


def _config(site: DemoSite, hospital_url: str) -> str:
    template = files("casebridge.demo").joinpath("data/casebridge.toml").read_text(encoding="utf-8")
    values = {"HOSPITAL": hospital_url, "MAIL_PORT": site.mail_port, "PARTNERS_PORT": site.partners_port,
              "CONSOLE_PORT": site.console_port, "PLANNER": PLANNER, "FOOD_BANK": FOOD_BANK,
              "TAG": site.tag}  # fmt: skip
    for name, value in values.items():
        template = template.replace(f"@{name}@", str(value))
    return template


def _tag(path: Path) -> str:
    _write_once(path, f"-{secrets.token_hex(4)}")
    return path.read_text()


def _ports(path: Path) -> dict[str, int]:
    if not path.exists():
        names = ("hospital_port", "mail_port", "partners_port", "console_port")
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in names]
        ports = dict(zip(names, (s.getsockname()[1] for s in sockets), strict=True))
        for s in sockets:
            s.close()
        _write_once(path, json.dumps(ports))
    found: dict[str, int] = json.loads(path.read_text())
    return found


def _write_once(path: Path, text: str) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".tmp")
    partial.write_text(text, encoding="utf-8")
    partial.rename(path)
