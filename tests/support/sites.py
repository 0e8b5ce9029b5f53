"""A real bridge over real folders: a hospital that drops FHIR bundles, an agency with forms, an HMIS, a state."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import maps_once
from databases import copy_of_migrated

from casebridge.app import Bridge, open_bridge
from casebridge.engine import held
from casebridge.store import disclosures, ledger, referrals
from casebridge.store.ledger import Message
from casebridge.store.referrals import StoredReferral

maps_once.install()

SDOH = "http://hl7.org/fhir/us/sdoh-clinicalcare/CodeSystem/SDOHCC-CodeSystemTemporaryCodes"

CONFIG = """
[site]
name = "Test Site"
timezone = "America/New_York"
treatment = "{treatment}"
{site_more}

[store]
url = "{store}"

[partner.hospital]
role = "covered_entity"
carrier = "{hospital_carrier}"
format = "fhir-r4"
maps = "sdohcc"
known_as = ["Organization/hospital"]
mode = "{hospital_mode}"
settings = {hospital_settings}

[partner.agency]
role = "cbo"
carrier = "{agency_carrier}"
format = "form"
maps = "web-form"
known_as = ["Organization/agency"]
mode = "{agency_mode}"
agreements = [{agreement}]
settings = {agency_settings}

[partner.hmis]
role = "hmis_lead"
carrier = "folder"
format = "hmis-csv"
maps = "hmis-2026"
dispatch = "{hmis_dispatch}"
agreements = [{{ kind = "DUA", until = 2099-12-31 }}]
settings = {{ folder = "hmis", quiet_seconds = 0, pack_directories = true }}
format_settings = {{ coc = "XX-501" }}

[partner.state]
role = "payer"
carrier = "folder"
format = "x12"
maps = "x12"
applies_to = "roster"
settings = {{ folder = "state", quiet_seconds = 0 }}

[[route]]
when = {{ kind = "referral", domain = "food-insecurity" }}
to = "agency"

[[route]]
when = {{ kind = "referral", category = "emergency-shelter" }}
to = "hmis"
{more}"""
DEFAULTS = {
    "store": "sqlite:///casebridge.db", "treatment": "consent", "hospital_mode": "live", "agency_mode": "live",
    "hmis_dispatch": "each", "more": "",
    "agency_carrier": "folder", "agency_settings": '{ folder = "agency", quiet_seconds = 0 }',
    "hospital_carrier": "folder", "hospital_settings": '{ folder = "hospital", quiet_seconds = 0 }',
    "site_more": "", "agreement": '{ kind = "BAA", until = 2099-12-31 }',
}  # fmt: skip


def arrived(folder: Path) -> list[Path]:
    """The files that lie there whole, in the order they came: a name with a dot is one still being written."""
    return sorted(folder.glob("[!.]*"), key=lambda file: file.stat().st_mtime_ns)


class TestSite:
    """A site under test: drop a file, let the bridge work, look at the books."""

    __test__ = False

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder, self.store = folder, settings.get("store", DEFAULTS["store"])
        for name in ("hospital", "agency", "hmis", "state"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "casebridge.toml").write_text(CONFIG.format(**{**DEFAULTS, **settings}))
        if self.store == DEFAULTS["store"] and not (folder / "casebridge.db").exists():
            copy_of_migrated(folder / "casebridge.db")
        self.bridge: Bridge = open_bridge(folder / "casebridge.toml")

    def reopen(self, **settings: str) -> None:
        """Start again, as after a restart or with other settings."""
        self.bridge.close()
        self.__init__(self.folder, **{"store": self.store, **settings})  # type: ignore[misc]

    def reopen_with_same_settings(self) -> None:
        """Start again, as after a restart; the clock is the one it was."""
        clock = self.bridge.site.clock
        self.bridge.close()
        self.bridge = open_bridge(self.folder / "casebridge.toml")
        self.bridge.site.clock = clock

    def drop(self, partner: str, name: str, data: bytes | str | dict[str, Any]) -> None:
        """A file arrives; the bridge does everything that is due."""
        self.drop_quietly(partner, name, data)
        self.work()

    def drop_quietly(self, partner: str, name: str, data: bytes | str | dict[str, Any]) -> None:
        """A file arrives."""
        content = json.dumps(data) if isinstance(data, dict) else data
        path = self.folder / partner / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def answer(self, referral: str, answer: str, **more: Any) -> None:
        """The agency answers."""
        nonce = hashlib.sha256(repr((referral, answer, more)).encode()).hexdigest()[:32]
        said = {"referral": referral, "answer": answer, "nonce": nonce, **more}
        self.drop("agency", f"{answer}-{nonce[:6]}.json", said)

    def work(self) -> None:
        """Let the bridge do everything that is due."""
        self.bridge.lanes.drain()

    def out(self, partner: str) -> list[dict[str, Any]]:
        """The JSON files that reached a partner."""
        return [json.loads(f.read_text()) for f in arrived(self.folder / partner / "out")]

    def messages(self, **where: Any) -> list[Message]:
        with self.bridge.site.store.read() as c:
            return ledger.listed(c, **where)

    def held(self) -> list[Message]:
        return self.messages(state="held")

    def replay(self, message: str) -> None:
        """A person lets a held message go on."""
        held.replay(self.bridge.site, message)
        self.work()

    def noted(self, name: str) -> list[dict[str, Any]]:
        """Events of a name, oldest first."""
        with self.bridge.site.store.read() as c:
            return ledger.events(c, name=name)

    def referrals(self) -> list[StoredReferral]:
        with self.bridge.site.store.read() as c:
            return sorted(referrals.listed(c, children=True), key=lambda r: r.id)

    def referral(self) -> StoredReferral:
        (only,) = self.referrals()
        return only

    def events(self, referral: str) -> list[tuple[str, str, str]]:
        """(partner, state, verdict) of every event on the books."""
        with self.bridge.site.store.read() as c:
            return [(e.partner, e.state, e.verdict) for e in referrals.events(c, referral)]

    def disclosures(self, **where: Any) -> list[dict[str, Any]]:
        with self.bridge.site.store.read() as c:
            return disclosures.listed(c, **where)


def patient(id_: str = "p1", ssn: str | None = "899611001", **more: Any) -> dict[str, Any]:
    """A made-up patient."""
    ids = [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": ssn}] if ssn else []
    return {"resourceType": "Patient", "id": id_, "meta": {"versionId": "1"}, "identifier": ids,
            "name": [{"use": "official", "family": "Moreno", "given": ["Ada"]}],
            "telecom": [{"system": "phone", "value": "555-0142"}], "birthDate": "1987-02-20", **more}  # fmt: skip


def order(domain: str = "food-insecurity", service: str = "food-pantry", person: str = "p1", **more: Any
          ) -> dict[str, Any]:  # fmt: skip
    """The hospital's ServiceRequest."""
    return {"resourceType": "ServiceRequest", "id": "s1", "meta": {"versionId": "1"}, "status": "active",
            "intent": "order", "category": [{"coding": [{"system": SDOH, "code": domain}]}],
            "code": {"coding": [{"system": "urn:casebridge:service", "code": service, "display": "A service"}]},
            "subject": {"reference": f"Patient/{person}"}, **more}  # fmt: skip


def task(version: str = "1", status: str = "requested", id_: str = "t1", person: str = "p1", code: str = "fulfill",
         **more: Any) -> dict[str, Any]:  # fmt: skip
    """The Task that mirrors the referral."""
    return {"resourceType": "Task", "id": id_, "meta": {"versionId": version}, "status": status, "intent": "order",
            "code": {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": code}]},
            "focus": {"reference": "ServiceRequest/s1"}, "for": {"reference": f"Patient/{person}"},
            "requester": {"reference": "Organization/hospital"}, **more}  # fmt: skip


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    """What a poll of the hospital brings: the Task first, then what it refers to."""
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]}


def food_referral(version: str = "1", **more: Any) -> dict[str, Any]:
    """A referral for food, complete."""
    return bundle(task(version, **more), order(), patient())
