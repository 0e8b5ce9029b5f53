"""A site that the flow is measured on: a hospital's referrals as FHIR bundles in, an agency's forms out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SDOH = "http://hl7.org/fhir/us/sdoh-clinicalcare/CodeSystem/SDOHCC-CodeSystemTemporaryCodes"
TASK_CODE = "http://hl7.org/fhir/CodeSystem/task-code"
CONFIG = """
[site]
name = "Measured"
treatment = "treatment"

[store]
url = "{url}"

[partner.hospital]
role = "covered_entity"
carrier = "folder"
format = "fhir-r4"
maps = "sdohcc"
known_as = ["Organization/hospital"]
settings = {{ folder = "hospital", quiet_seconds = 0, max_files = 100000 }}

[partner.agency]
role = "cbo"
carrier = "{carrier}"
format = "form"
maps = "web-form"
agreements = [{{ kind = "BAA", until = 2099-12-31 }}]
settings = {{ {settings} }}

[[route]]
when = {{ kind = "referral", domain = "food-insecurity" }}
to = "agency"
"""
JOURNAL = '''
"""A link that appends to one file and goes to the disk once a batch; and one that posts each dispatch over HTTP."""

import os
import httpx2
from pathlib import Path
from casebridge import Probe, Receipt, Settings, hookimpl


class JournalSettings(Settings):
    file: str


class Journal:
    name, Settings, window = "journal", JournalSettings, 500

    def __init__(self, settings, context):
        self.file = open(Path(context.base_dir, settings.file), "ab")

    def receive(self, cursor):
        yield from ()

    def settle(self, payload, outcome):
        """Nothing comes in here."""

    def send(self, dispatch, key):
        return self.send_all([(dispatch, key)])[0]

    def send_all(self, sendings):
        for dispatch, _ in sendings:
            for file in dispatch.files:
                self.file.write(file.data + b"\\n")
        self.file.flush()
        os.fsync(self.file.fileno())
        return [Receipt() for _ in sendings]

    def find(self, dispatch, key):
        return None

    def probe(self):
        return Probe(True, "a file")

    def close(self):
        self.file.close()


class PostSettings(Settings):
    url: str


class Post(Journal):
    name, Settings, window = "post", PostSettings, 100
    send_all = None

    def __init__(self, settings, context):
        self.url, self.client = settings.url, httpx2.Client()

    def send(self, dispatch, key):
        for file in dispatch.files:
            self.client.post(self.url, content=file.data, headers={"Idempotency-Key": key}).raise_for_status()
        return Receipt()

    def close(self):
        self.client.close()


@hookimpl
def register_links(register):
    register(Journal)
    register(Post)
'''


def make_site(folder: Path, url: str = "sqlite:///books.db", carrier: str = "journal", settings: str = "") -> Path:
    """The folder of a site, ready to open; its casebridge.toml."""
    for name in ("hospital/in", "plugins"):
        (folder / name).mkdir(parents=True)
    (folder / "plugins" / "measured_links.py").write_text(JOURNAL)
    file = folder / "casebridge.toml"
    settings = settings or 'file = "agency.jsonl"'
    file.write_text(CONFIG.format(url=url, carrier=carrier, settings=settings))
    return file


def referrals(count: int, first: int = 0) -> Iterator[list[dict[str, Any]]]:
    """Made-up referrals for food: a Task, its ServiceRequest and its Patient, some 1.5 kB together."""
    for n in range(first, first + count):
        yield [
            {"resourceType": "Task", "id": f"t{n}", "meta": {"versionId": "1"}, "status": "requested",
             "intent": "order", "code": {"coding": [{"system": TASK_CODE, "code": "fulfill"}]},
             "authoredOn": "2026-11-20T17:40:00Z", "focus": {"reference": f"ServiceRequest/s{n}"},
             "for": {"reference": f"Patient/p{n}"}, "requester": {"reference": "Organization/hospital"}},
            {"resourceType": "ServiceRequest", "id": f"s{n}", "meta": {"versionId": "1"}, "status": "active",
             "intent": "order", "category": [{"coding": [{"system": SDOH, "code": "food-insecurity"}]}],
             "code": {"coding": [{"system": "urn:casebridge:service", "code": "food-pantry", "display": "Food"}]},
             "subject": {"reference": f"Patient/p{n}"}},
            {"resourceType": "Patient", "id": f"p{n}", "meta": {"versionId": "1"},
             "identifier": [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": f"7{n:08d}"}],
             "name": [{"use": "official", "family": f"Moreno{n}", "given": ["Ada"]}],
             "telecom": [{"system": "phone", "value": "555-0142"}], "birthDate": "1987-02-20"},
        ]  # fmt: skip


def bundles(count: int, a_file: int, first: int = 0) -> Iterator[bytes]:
    """``count`` referrals as FHIR bundles, so many in each."""
    found = list(referrals(count, first))
    for start in range(0, count, a_file):
        entries = [{"resource": r} for one in found[start : start + a_file] for r in one]
        yield json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


def drop(folder: Path, count: int, a_file: int) -> None:
    """Put ``count`` referrals into the hospital's folder, so many a file."""
    for number, bundle in enumerate(bundles(count, a_file)):
        (folder / "hospital" / "in" / f"{number:08d}.json").write_bytes(bundle)


def take_back(folder: Path, count: int, a_file: int) -> None:
    """Put the news into the folder that each of them is not needed any more: its Task alone, some 0.6 kB."""
    tasks = [task | {"meta": {"versionId": "2"}, "lastModified": "2026-11-21T09:00:00Z", "status": "cancelled",
                     "statusReason": {"text": "She stays with her sister"}} for task, _, _ in referrals(count)]
    for start in range(0, count, a_file):
        entries = [{"resource": task} for task in tasks[start : start + a_file]]
        bundle = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})
        (folder / "hospital" / "in" / f"back-{start:08d}.json").write_text(bundle)
