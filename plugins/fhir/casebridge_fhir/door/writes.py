"""Create, update, withdraw: what a partner writes at the door, one resource or many, all or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from casebridge import MovedOn, Shelf, Shelved, Wish
from casebridge.core import facts
from casebridge.core.ids import new_id
from casebridge.core.jsontext import dumps
from casebridge_fhir.bundle import BESIDE
from casebridge_fhir.door.refusals import Refusal, absent
from casebridge_fhir.door.theirs import Theirs
from casebridge_fhir.polling import is_referral
from casebridge_fhir.references import RELATIVE, Entry, local_reference, references_in

MEDIA_TYPE = "application/fhir+json"
TRIES = 3  # of an update that names no version, when others write at the same moment
_AROUND = {"Task": ("focus", "for", "requester", "owner"), "ServiceRequest": ("requester",)}
_OVER = ("rejected", "completed", "cancelled", "failed", "entered-in-error")
NO_ORDER = ("The ServiceRequest that this Task asks for is not here. Send it and its Patient first, or all in one "
            "transaction; addresses on servers that are not set up as yours are not read.")  # fmt: skip
NOBODY = ("Whom this Task is for is not here. Send the Patient first, or all in one transaction; addresses on servers "
          "that are not set up as yours are not read.")  # fmt: skip
_NEEDED = {"focus": NO_ORDER, "for": NOBODY}
Document = dict[str, Any]


@dataclass(slots=True)
class Writing:
    """What one request writes: collected, then kept in one transaction."""

    shelf: Shelf
    partner: str
    base: str
    theirs: Theirs | None = None
    wishes: dict[tuple[str, str], Wish] = field(default_factory=dict)
    said: list[Document] = field(default_factory=list)  # what is asserted, in order

    def create(self, resource: Document, id_: str = "") -> tuple[str, str]:
        """A new resource under an id of ours; (type, id)."""
        type_, id_ = resource["resourceType"], id_ or new_id()
        return self._wish(type_, id_, 1, {**resource, "id": id_})

    def update(self, resource: Document, id_: str, expected: int | None) -> tuple[str, str]:
        """The resource as its next version; MovedOn when ``expected`` is not where it stands."""
        type_ = resource["resourceType"]
        there = self._there(type_, id_)
        version = there.version if there else 0
        if expected is not None and expected != version:
            raise MovedOn(type_, id_, version)
        return self._wish(type_, id_, version + 1, {**resource, "id": id_})

    def withdraw(self, type_: str, id_: str, expected: int | None) -> tuple[str, str]:
        """It counts no more; whoever has it hears so. Refusal 404 when there is nothing."""
        there = self._there(type_, id_)
        if there is None:
            raise absent(type_, id_)
        if expected is not None and expected != there.version:
            raise MovedOn(type_, id_, there.version)
        if there.released is not None:
            version = there.version + 1
            self.wishes[type_, id_] = Wish(type_, id_, version, None)
            if (last := withdrawn(dict(there.released.document))) is not None:
                self.said.append(_stamped(last, version, ""))
        return type_, id_

    def commit(self) -> dict[tuple[str, str], Shelved]:
        """Keep it all. Raises MovedOn, RecordError, Held, TryAgain; then nothing was kept."""
        if not self.wishes:
            return {}
        tasks = [resource for resource in self.said if resource["resourceType"] == "Task"]
        for task in tasks:
            self._complete(task)
        going = [task for task in tasks if task.get("status") not in _OVER]  # what ends needs nothing more from there
        read = self.theirs.around(going, self._is_new) if self.theirs else []
        kept = self.shelf.write(self.partner, list(self.wishes.values()), self._payload(read), MEDIA_TYPE)
        return {(one.type, one.id): one for one in kept}

    def _wish(self, type_: str, id_: str, version: int, resource: Document) -> tuple[str, str]:
        if (type_, id_) in self.wishes:
            raise Refusal(400, f"{type_}/{id_} is written twice in one request.")
        stamped = _stamped(resource, version, self.shelf.now().isoformat(timespec="milliseconds"))
        self.wishes[type_, id_] = Wish(type_, id_, version, stamped)
        self.said.append(stamped)
        return type_, id_

    def _there(self, type_: str, id_: str) -> Shelved | None:
        return self.shelf.read(self.partner, type_, id_)

    def _is_new(self, task: Mapping[str, Any]) -> bool:
        return self.wishes["Task", task["id"]].version == 1

    def _complete(self, task: Mapping[str, Any]) -> None:
        """A new referral whose order or patient cannot be read would wait for a person here, and its sender would not
        know."""
        for name, missing in _NEEDED.items() if self._is_new(task) and is_referral(task) else ():
            value = task.get(name)
            text = value.get("reference") if isinstance(value, dict) else None
            if not (self._can_read(text) if isinstance(text, str) else self._may_be_silent(name)):
                raise Refusal(422, missing, field=f"Task.{name}")

    def _may_be_silent(self, name: str) -> bool:
        """Without an address it is about somebody in the same request, by an identifier."""
        return name != "for" or any(type_ == "Patient" for type_, _ in self.wishes)

    def _can_read(self, address: str) -> bool:
        if address.startswith("#") or (self.theirs and self.theirs.has(address)):
            return True
        place = RELATIVE.match(local_reference(address, self.base))
        if place is None or (place["type"], place["id"]) in self.wishes:
            return place is not None
        there = self._there(place["type"], place["id"])
        return there is not None and there.released is not None

    def _payload(self, read: Iterable[Entry]) -> bytes:
        """A Bundle of what is asserted, with what it refers to beside it."""
        entries: list[Document] = [{"fullUrl": self._url(resource), "resource": resource} for resource in self.said]
        entries += [{"fullUrl": url, "resource": r} for url, r in {e.full_url: e.resource for e in read}.items()]
        for resource in self._around():
            entries.append({"extension": [BESIDE], "fullUrl": self._url(resource), "resource": resource})
        return dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})

    def _url(self, resource: Mapping[str, Any]) -> str:
        return f"{self.base}/{resource['resourceType']}/{resource['id']}"

    def _around(self) -> Iterable[Mapping[str, Any]]:
        """What the resources refer to that lies on the shelf already."""
        seen = {(r["resourceType"], r["id"]) for r in self.said}
        for resource in list(self.said):
            for name in _AROUND.get(resource["resourceType"], ()):
                value = resource.get(name)
                text = value.get("reference") if isinstance(value, dict) else None
                match = RELATIVE.match(local_reference(text, self.base)) if isinstance(text, str) else None
                if match is None or (match["type"], match["id"]) in seen:
                    continue
                seen.add((match["type"], match["id"]))
                there = self._there(match["type"], match["id"])
                if there is not None and there.released is not None:
                    yield there.released.document


def _stamped(resource: Document, version: int, at: str) -> Document:
    meta = {**resource.get("meta", {}), "versionId": str(version)}
    return {**resource, "meta": {**meta, "lastUpdated": at} if at else meta}


def withdrawn(resource: Document) -> Document | None:
    """The resource as it says that it counts no more; None when it has nothing to say, or said it already."""
    type_ = resource["resourceType"]
    if type_ == "Task" and resource.get("status") in _OVER:
        return None
    if type_ == "Condition":
        wrong = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
        status = {"coding": [{"system": wrong, "code": "entered-in-error"}]}
        return {k: v for k, v in resource.items() if k != "clinicalStatus"} | {"verificationStatus": status}
    if type_ not in _withdrawals():
        return None
    element, value = _withdrawals()[type_]
    last = {**resource, element: value}
    if type_ == "Task":
        last["statusReason"] = {"text": "Withdrawn by the sender"}
    return last


@cache
def _withdrawals() -> Mapping[str, tuple[str, str | bool]]:
    rows = facts.rows("casebridge_fhir", "withdrawals.csv")
    return {row["type"]: (row["element"], row["value"] != "false" and row["value"]) for row in rows}


def renamed(resource: Document, names: Mapping[str, str], base: str = "") -> None:
    """References to what is in the same request get the names that it has here; relative ones are meant below
    ``base``, where the resource itself says it lies (FHIR R4, bundle 2.36.4)."""
    for reference in references_in(resource):
        address = reference["reference"]
        reference["reference"] = names.get(address) or names.get(f"{base}/{address}", address)
