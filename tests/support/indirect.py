"""A hospital and an agency, each with a FHIR server, and the bridge between them (SDOHCC, Indirect Referral)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import maps_once
from databases import copy_of_migrated
from sites import SDOH

from casebridge.app import Bridge, open_bridge
from casebridge.engine import held
from casebridge.store import disclosures, ledger, referrals
from casebridge.store.ledger import Message

maps_once.install()

CONFIG = """
[site]
name = "Test Site"
timezone = "America/New_York"
treatment = "consent"

[store]
url = "{store}"

[partner.hospital]
role = "covered_entity"
title = "Mercy Hospital"
carrier = "fhir-rest"
format = "fhir-r4"
maps = "sdohcc"
known_as = ["Organization/mercy"]
settings = {{ base_url = "{hospital}", owner = "{owner}", pause = 0, attempts = 2{more} }}

[partner.agency]
role = "cbo"
title = "Harbor House"
carrier = "fhir-rest"
format = "fhir-r4"
maps = "sdohcc-recipient"
known_as = ["Organization/harbor"]
agreements = [{agreement}]
settings = {{ base_url = "{agency}", recipient = "Organization/harbor", requester = "Organization/bridge", pause = 0, attempts = 2 }}

[[route]]
when = {{ kind = "referral", domain = "food-insecurity" }}
to = "agency"
"""  # noqa: E501
BAA = '{ kind = "BAA", until = 2099-12-31 }'
FULFILL = {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]}
ACTIVE = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]}


class IndirectSite:
    """The bridge between two servers: let it work, look at its books."""

    def __init__(
        self, folder: Path, hospital: str, agency: str, *, agreement: str = BAA, owner: str = "Organization/bridge",
        more: str = "",
    ) -> None:  # fmt: skip
        self.folder = folder
        said = {"hospital": hospital, "agency": agency, "agreement": agreement, "owner": owner, "more": more}
        (folder / "casebridge.toml").write_text(CONFIG.format(store="sqlite:///casebridge.db", **said))
        if not (folder / "casebridge.db").exists():
            copy_of_migrated(folder / "casebridge.db")
        self.bridge: Bridge = open_bridge(folder / "casebridge.toml")

    def work(self, rounds: int = 1) -> None:
        """Poll, and do everything that is due."""
        for _ in range(rounds):
            self.bridge.lanes.drain()

    def reopen(self) -> None:
        """Start again, as after a restart."""
        self.bridge.close()
        self.bridge = open_bridge(self.folder / "casebridge.toml")

    def messages(self, **where: Any) -> list[Message]:
        """Messages whose columns equal these values."""
        with self.bridge.site.store.read() as c:
            return ledger.listed(c, **where)

    def replay(self, message: str) -> None:
        """A person lets a held message go on."""
        held.replay(self.bridge.site, message)
        self.work()

    def referrals(self) -> list[Any]:
        """The referrals on the books."""
        with self.bridge.site.store.read() as c:
            return referrals.listed(c)

    def disclosures(self, referral: str) -> list[dict[str, Any]]:
        """What was decided for a referral."""
        with self.bridge.site.store.read() as c:
            return list(disclosures.listed(c, correlation=referral))


def hospitals(tag: str = "", **order: Any) -> list[dict[str, Any]]:
    """A hospital's referral for food: whom it is about, why, who asks, the order and its Task, each id with a tag."""
    person = {"reference": f"Patient/ada{tag}"}
    ssn = f"8996{int(hashlib.sha256(tag.encode()).hexdigest(), 16) % 10**5:05}"
    return [
        {"resourceType": "Organization", "id": f"mercy{tag}", "name": "Mercy Hospital"},
        {"resourceType": "Patient", "id": f"ada{tag}",
         "name": [{"use": "official", "family": "Moreno", "given": ["Ada"]}],
         "identifier": [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": ssn}], "birthDate": "1987-02-20",
         "telecom": [{"system": "phone", "use": "mobile", "value": "555-0142"}]},
        {"resourceType": "Condition", "id": f"hunger{tag}", "clinicalStatus": ACTIVE, "subject": person,
         "category": [{"coding": [{"system": SDOH, "code": "food-insecurity"}]}],
         "code": {"coding": [{"system": "http://snomed.info/sct", "code": "733423003", "display": "Food insecurity"}]}},
        {"resourceType": "Condition", "id": f"debts{tag}", "clinicalStatus": ACTIVE, "subject": person,
         "category": [{"coding": [{"system": SDOH, "code": "financial-insecurity"}]}],
         "code": {"coding": [{"system": "http://snomed.info/sct", "code": "454061000124102", "display": "Debts"}]}},
        {"resourceType": "ServiceRequest", "id": f"order{tag}", "status": "active", "intent": "order",
         "subject": person, "category": [{"coding": [{"system": SDOH, "code": "food-insecurity"}]}],
         "code": {"coding": [{"system": "urn:casebridge:service", "code": "food-pantry", "display": "Food pantry"}]},
         "reasonReference": [{"reference": f"Condition/{name}{tag}"} for name in ("hunger", "debts")],
         "note": [{"text": "Has a stove but no refrigerator."}], **order},
        {"resourceType": "Task", "id": f"ref{tag}", "status": "requested", "intent": "order", "code": FULFILL,
         "priority": "routine", "focus": {"reference": f"ServiceRequest/order{tag}"}, "for": person,
         "requester": {"reference": f"Organization/mercy{tag}"}, "owner": {"reference": f"Organization/bridge{tag}"},
         "authoredOn": "2026-11-20T08:00:00Z"},
    ]  # fmt: skip


def parties() -> list[dict[str, Any]]:
    """Who is who on the agency's server: itself, and us."""
    return [{"resourceType": "Organization", "id": "harbor", "name": "Harbor House"},
            {"resourceType": "Organization", "id": "bridge", "name": "CaseBridge"}]  # fmt: skip


def of_type(resources: Iterable[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Those of one type."""
    return [r for r in resources if r["resourceType"] == kind]
