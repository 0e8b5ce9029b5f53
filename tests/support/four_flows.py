"""The four flows of SDOHCC's Referral Workflow, each as who sends, who answers, and the CaseBridges between them.

Whoever has a FHIR server of its own, and whoever comes to our FHIR door, is played through the same few requests.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import httpx2
import maps_once
from databases import NewStore
from doors import TOKEN, doors_of
from indirect import hospitals, parties
from sites import SDOH, arrived

from casebridge.app import Bridge, open_bridge
from casebridge.store import referrals

maps_once.install()
Document = dict[str, Any]
FOOD = {"system": "http://snomed.info/sct", "code": "710925007", "display": "Provision of food"}
SITE = """
[site]
name = "Test Site"
treatment = "treatment"

[store]
url = "{store}"

[partner.hospital]
role = "covered_entity"
format = "fhir-r4"
maps = "sdohcc"
{hospital}

[partner.agency]
role = "cbo"
agreements = [{{ kind = "BAA", until = 2099-12-31 }}]
{agency}

[[route]]
when = {{ kind = "referral", domain = "food-insecurity" }}
to = "agency"
"""
# the hospital: in the house; one who comes to our door
IN_THE_HOUSE = 'carrier = "folder"\nsettings = { folder = "hospital", quiet_seconds = 0 }'
COMES = 'carrier = "fhir"\nsettings = { token = "file:token", may_write = ["*"] }'
# the agency: its people answer a form; on a FHIR server; with an application that comes to our door
BY_FORM = 'carrier = "folder"\nformat = "form"\nmaps = "web-form"\nsettings = { folder = "agency", quiet_seconds = 0 }'
AGENCYS = "a-token-of-the-agency-for-tests"
OUR_TASKS = 'recipient = "Organization/harbor", requester = "Organization/bridge"'
RECIPIENT = 'format = "fhir-r4"\nmaps = "sdohcc-recipient"\n'
HAS_APPLICATION = f'{RECIPIENT}carrier = "fhir"\nsettings = {{ token = "{AGENCYS}", {OUR_TASKS} }}'
AS_HOSPITAL, AS_AGENCY = 'token = "file:token"', f'token = "{AGENCYS}"'


def serves(url: str, *said: str) -> str:
    """Whose server we go to: a hospital's, or, with ``RECIPIENT``, an agency's."""
    return f'carrier = "fhir-rest"\nsettings = {{ {", ".join([f"base_url = {url!r}", "pause = 0", *said])} }}'


def has_server(url: str, *said: str) -> str:
    """An agency's server, on which we put our Tasks."""
    return RECIPIENT + serves(url, OUR_TASKS, *said)


class Sender(Protocol):
    """The hospital's people."""

    def refer(self, resources: list[Document]) -> None: ...
    def task(self) -> Document: ...
    def result(self) -> Document: ...


class Answerer(Protocol):
    """The agency's people: what they were told of the client, and what they say."""

    def told(self) -> str: ...
    def accept(self) -> None: ...
    def complete(self) -> None: ...


class Flow(NamedTuple):
    """Who sends, who answers, and the bridges that stand between them, the sender's first."""

    sender: Sender
    answerer: Answerer
    bridges: list[Bridge]


class OnFhir:
    """What people do on a FHIR server: their own, or ours with a token. ``tag`` ends the ids of their referral."""

    def __init__(self, base: str, tag: str, token: str = "") -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.base, self.tag = base, tag
        self.http = httpx2.Client(trust_env=False, timeout=30, headers=headers, verify=False)

    def read(self, reference: str) -> Document:
        found: Document = self.http.get(f"{self.base}/{reference}").raise_for_status().json()
        return found

    def put(self, *resources: Document) -> None:
        for resource in resources:
            self.http.put(f"{self.base}/{resource['resourceType']}/{resource['id']}", json=resource).raise_for_status()

    # --- who sends

    def refer(self, resources: list[Document]) -> None:
        self.put(*resources)

    def task(self) -> Document:
        return self.read(f"Task/ref{self.tag}")

    def result(self) -> Document:
        return self.read(self.task()["output"][0]["valueReference"]["reference"])

    # --- who answers

    def asked(self, name: str = "ref") -> Document:
        """The one Task that is part of the sender's of this name."""
        bundle = self.http.get(f"{self.base}/Task", params={"_count": "200"}).raise_for_status().json()
        found = [entry["resource"] for entry in bundle.get("entry", ())]
        (one,) = [task for task in found if f"/{name}{self.tag}" in str(task.get("partOf"))]
        return one

    def told(self) -> str:
        task = self.asked()
        assert self.read(task["focus"]["reference"])["intent"] == "filler-order"
        return str(self.read(task["for"]["reference"]))

    def accept(self) -> None:
        self.put({**self.asked(), "status": "accepted"})

    def complete(self) -> None:
        task = self.asked()
        done = self.http.post(f"{self.base}/Procedure", json={
            "resourceType": "Procedure", "status": "completed", "subject": task["for"], "basedOn": [task["focus"]],
            "performedDateTime": "2026-11-21T10:00:00Z", "code": {"coding": [FOOD]}}).json()  # fmt: skip
        output = {"type": {"coding": [{"system": SDOH, "code": "resulting-activity"}]},
                  "valueReference": {"reference": f"Procedure/{done['id']}"}}  # fmt: skip
        self.put({**task, "status": "completed", "output": [output]})


class PostsFromServer(OnFhir):
    """A hospital that keeps its referrals on a server of its own, and posts them from there to the agency's door."""

    def __init__(self, base: str, tag: str, own: OnFhir) -> None:
        super().__init__(base, tag, TOKEN)
        self.own = own

    def refer(self, resources: list[Document]) -> None:
        self.own.put(*resources)
        kept = [self.own.read(f"{r['resourceType']}/{r['id']}") for r in resources]
        entries = [{"resource": r, "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}}
                   for r in kept]  # fmt: skip
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        self.http.post(self.base, json=bundle).raise_for_status()


class InFolder:
    """A hospital in the bridge's own house: it drops files, and finds files."""

    def __init__(self, bridge: Bridge, tag: str) -> None:
        self.folder, self.tag = bridge.base / "hospital", tag

    def refer(self, resources: list[Document]) -> None:
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]}
        (self.folder / "in" / "1.json").write_text(json.dumps(bundle))

    def task(self) -> Document:
        return self._last("Task")

    def result(self) -> Document:
        return self._last("Procedure")

    def _last(self, kind: str) -> Document:
        found: list[Document] = [json.loads(file.read_text()) for file in arrived(self.folder / "out")]
        return [resource for resource in found if resource["resourceType"] == kind][-1]


class OnForm:
    """An agency without any system: it reads what came, and answers."""

    def __init__(self, bridge: Bridge) -> None:
        self.bridge, self.folder = bridge, bridge.base / "agency"

    def told(self) -> str:
        return "".join(file.read_text() for file in arrived(self.folder / "out"))

    def accept(self) -> None:
        self._say("accept")

    def complete(self) -> None:
        self._say("complete", outcome="Two bags of food")

    def _say(self, answer: str, **more: str) -> None:
        with self.bridge.site.store.read() as c:
            (referral,) = referrals.listed(c)
        nonce = hashlib.sha256(answer.encode()).hexdigest()[:32]
        said = {"referral": referral.id, "answer": answer, "nonce": nonce, **more}
        (self.folder / "in" / f"{answer}.json").write_text(json.dumps(said))


class Stage:
    """Where flows are played: makes bridges, opens their doors, and closes all at the end. ``server`` is the FHIR
    server of other people, ``other`` the second one where both sides have theirs."""

    def __init__(
        self, folder: Path, stack: ExitStack, new_store: NewStore, tag: str, server: str = "", other: str = ""
    ) -> None:
        self.folder, self.stack, self.new_store, self.tag = folder, stack, new_store, tag
        self.server, self.other = server, other

    def bridge(self, name: str, hospital: str, agency: str) -> Bridge:
        """A CaseBridge whose casebridge.toml says this of its two partners."""
        folder = self.folder / name
        for partner in ("hospital", "agency"):
            (folder / partner / "in").mkdir(parents=True)
        (folder / "token").write_text(TOKEN)
        said = SITE.format(store=self.new_store(), hospital=hospital, agency=agency)
        (folder / "casebridge.toml").write_text(said)
        made = open_bridge(folder / "casebridge.toml")
        self.stack.callback(made.close)
        return made

    def door(self, bridge: Bridge) -> str:
        """The address of its FHIR door."""
        return f"{self.stack.enter_context(doors_of(bridge))}/fhir"

    def people(self, base: str, token: str = "") -> OnFhir:
        made = OnFhir(base, self.tag, token)
        self.stack.callback(made.http.close)
        return made

    def owned(self) -> str:
        """Only what is addressed to us: tests share the servers."""
        return f'owner = "Organization/bridge{self.tag}"'

    def referral(self) -> list[Document]:
        return hospitals(self.tag)


# --- against somebody else's server ------------------------------------------------------------------------------


def direct(on: Stage) -> Flow:
    """The hospital posts to the agency's system, which is a CaseBridge."""
    ours = on.bridge("agency", COMES, BY_FORM)
    sender = PostsFromServer(on.door(ours), on.tag, on.people(on.server))
    on.stack.callback(sender.http.close)
    return Flow(sender, OnForm(ours), [ours])


def direct_light(on: Stage) -> Flow:
    """The Task stays on the hospital's server; the agency's CaseBridge is the application that works on it there."""
    ours = on.bridge("agency", serves(on.server, on.owned()), BY_FORM)
    return Flow(on.people(on.server), OnForm(ours), [ours])


def indirect(on: Stage) -> Flow:
    """CaseBridge is the coordination platform between two servers."""
    agency = on.people(on.other)
    agency.put(*parties())
    ours = on.bridge("county", serves(on.server, on.owned()), has_server(on.other))
    return Flow(on.people(on.server), agency, [ours])


def indirect_light(on: Stage) -> Flow:
    """The same, and the agency's application works on the Task that lies at our door."""
    ours = on.bridge("county", serves(on.server, on.owned()), HAS_APPLICATION)
    return Flow(on.people(on.server), on.people(on.door(ours), AGENCYS), [ours])


def all_come(on: Stage) -> Flow:
    """Neither has a server: the hospital, too, comes to our door."""
    ours = on.bridge("county", COMES, HAS_APPLICATION)
    door = on.door(ours)
    return Flow(on.people(door, TOKEN), on.people(door, AGENCYS), [ours])


# --- between two CaseBridges -------------------------------------------------------------------------------------


def direct_between(on: Stage) -> Flow:
    """The hospital's CaseBridge posts to the agency's."""
    agency = on.bridge("agency", COMES, BY_FORM)
    theirs = has_server(on.door(agency), AS_HOSPITAL)
    hospital = on.bridge("hospital", IN_THE_HOUSE, theirs)
    return Flow(InFolder(hospital, on.tag), OnForm(agency), [hospital, agency])


def direct_light_between(on: Stage) -> Flow:
    """The Task lies at the door of the hospital's CaseBridge, and the agency's works on it there."""
    hospital = on.bridge("hospital", IN_THE_HOUSE, HAS_APPLICATION)
    agency = on.bridge("agency", serves(on.door(hospital), AS_AGENCY), BY_FORM)
    return Flow(InFolder(hospital, on.tag), OnForm(agency), [hospital, agency])


def indirect_between(on: Stage) -> Flow:
    """A hospital comes to the county's CaseBridge, which posts to the agency's."""
    agency = on.bridge("agency", COMES, BY_FORM)
    county = on.bridge("county", COMES, has_server(on.door(agency), AS_HOSPITAL))
    return Flow(on.people(on.door(county), TOKEN), OnForm(agency), [county, agency])


def indirect_light_between(on: Stage) -> Flow:
    """A hospital comes to the county's CaseBridge, and the agency's works on what lies at its door."""
    county = on.bridge("county", COMES, HAS_APPLICATION)
    door = on.door(county)
    agency = on.bridge("agency", serves(door, AS_AGENCY), BY_FORM)
    return Flow(on.people(door, TOKEN), OnForm(agency), [county, agency])
