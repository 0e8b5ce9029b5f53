"""The floor of ``put``: a person written by hand onto the Patient last seen from the partner.

What is not ours stays, and so does the order; an item of a list is recognised by the key that patient40.yaml gives;
what did not change is not copied. Items that share one key are paired in order. Where one item is left on each side
and one part of its key is all that differs, it is one item whose key was edited.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks import _patient40_by_hand as by_hand
from benchmarks._patient40_by_hand import ACTIVE, BIRTHSEX, ETHNICITY, GENDER, LANGUAGE, MARITAL, RACE, ROLE, Record

Key = tuple[Any, ...]


def put(person: Record, base: Record) -> Record:
    """The Patient ``base`` with what the person says; ``base`` is not changed."""
    patient = dict(base)
    _set(patient, "id", person.get("external_id"))
    status = person.get("status")
    _set(patient, "active", ACTIVE[status] if status else None)
    _set(patient, "birthDate", person.get("birth"))
    _set(patient, "deceasedDateTime", person.get("deceased"))
    _set(patient, "gender", _gender(person))
    numbers = person.get("identifiers")
    _list(patient, "identifier", numbers, by_hand.write_identifier, _identifier_key, _update_identifier)
    _list(patient, "name", person.get("names"), by_hand.write_name, _name_key, _update_name)
    _list(patient, "telecom", person.get("telecoms"), by_hand.write_telecom, _telecom_key, _update_telecom)
    _list(patient, "address", person.get("addresses"), by_hand.write_address, _address_key, _update_address)
    _list(patient, "communication", person.get("languages"), by_hand.write_language, _language_key, _update_language)
    _put_characteristics(patient, person.get("characteristics") or ())
    _list(patient, "contact", person.get("relations"), by_hand.write_contact, _contact_key, _update_contact)
    return patient


def _set(theirs: Record, name: str, value: Any) -> None:
    """Write a value, or take theirs away where ours is nothing."""
    if value is None or value == "" or value == []:
        theirs.pop(name, None)
    elif theirs.get(name) != value:
        theirs[name] = value


def _gender(person: Record) -> str | None:
    for sex in person.get("sexes", ()):
        if sex.get("kind") == "administrative":
            value = sex["value"]
            return GENDER[value] if type(value) is str else "unknown"
    return None


def _list(
    patient: Record, name: str, ours: list[Record] | None, write: Callable[[Record], Record],
    key: Callable[[Record], Key], update: Callable[[Record, Record], Record],
) -> None:  # fmt: skip
    theirs = patient.get(name) or []
    written = [write(item) for item in ours or ()]
    if theirs and written == theirs:
        return
    if paired := _in_order(theirs, written, key):
        patient[name] = [item if item == mine else update(item, mine) for item, mine in paired]
        return
    waiting: dict[Key, list[Record]] = {}
    for mine in written:
        waiting.setdefault(key(mine), []).append(mine)
    kept: list[Record | None] = []
    gone = []
    for item in theirs:
        if same := waiting.get(key(item)):
            kept.append(update(item, same.pop(0)))
        else:
            gone.append((len(kept), item))
            kept.append(None)
    added = [item for items in waiting.values() for item in items]
    if len(added) == len(gone) == 1 and _edited(key(gone[0][1]), key(added[0]), gone[0][1], added[0]):
        kept[gone[0][0]] = update(gone[0][1], added.pop())
    result = [item for item in kept if item is not None] + added
    if result:
        patient[name] = result
    else:
        patient.pop(name, None)


def _in_order(
    theirs: list[Record], ours: list[Record], key: Callable[[Record], Key]
) -> list[tuple[Record, Record]]:  # fmt: skip
    """Items that pair off as they stand, as they nearly always do; none where one key is not its neighbour's."""
    if len(theirs) != len(ours):
        return []
    pairs = list(zip(theirs, ours, strict=True))
    return pairs if all(item == mine or key(item) == key(mine) for item, mine in pairs) else []


def _edited(before: Key, after: Key, theirs: Record, ours: Record) -> bool:
    """Do two items differ in one part of their key alone?"""
    same = [a == b for a, b in zip(before, after, strict=True)]
    alike = any(equal and part is not None for equal, part in zip(same, before, strict=True))
    said_otherwise = sum(name not in ours or ours[name] != value for name, value in theirs.items())
    return same.count(False) == 1 and alike and said_otherwise <= 1


def _updated(theirs: Record, ours: Record, names: tuple[str, ...]) -> Record:
    """Their item with our values of these fields; the same item where nothing differs."""
    changed = None
    for name in names:
        value = ours.get(name)
        if theirs.get(name) != value:
            changed = changed or dict(theirs)
            _set(changed, name, value)
    return changed or theirs


def _period(theirs: Record, ours: Record) -> Record:
    mine = ours.get("period")
    there = theirs.get("period")
    if mine == there:
        return theirs
    period = _updated(there or {}, mine or {}, ("start", "end"))
    if period is there:
        return theirs
    changed = dict(theirs)
    _set(changed, "period", period or None)
    return changed


def _identifier_key(item: Record) -> Key:
    return (item.get("system"), item.get("value"))


def _update_identifier(theirs: Record, ours: Record) -> Record:
    updated = _period(_updated(theirs, ours, ("system", "value", "use")), ours)
    mine, there = (ours.get("type") or {}).get("text"), theirs.get("type") or {}
    if there.get("text") == mine:
        return updated
    kind = dict(there)
    _set(kind, "text", mine)
    updated = dict(updated)
    _set(updated, "type", kind or None)
    return updated


def _name_key(item: Record) -> Key:
    return (item.get("use"), item.get("family"), (item.get("period") or {}).get("start"))


def _update_name(theirs: Record, ours: Record) -> Record:
    return _period(_updated(theirs, ours, ("use", "family", "given", "prefix", "suffix")), ours)


def _telecom_key(item: Record) -> Key:
    return (item.get("system"), item.get("use"), item.get("value"))


def _update_telecom(theirs: Record, ours: Record) -> Record:
    return _updated(theirs, ours, ("system", "use", "value"))


def _address_key(item: Record) -> Key:
    return (item.get("use"), tuple(item.get("line", ())), (item.get("period") or {}).get("start"))


def _update_address(theirs: Record, ours: Record) -> Record:
    return _period(_updated(theirs, ours, ("use", "line", "city", "state", "postalCode", "country")), ours)


def _language_key(item: Record) -> Key:
    return (by_hand.code_in(item.get("language"), LANGUAGE),)


def _update_language(theirs: Record, ours: Record) -> Record:
    return _updated(theirs, ours, ("preferred",))


def _contact_key(item: Record) -> Key:
    roles = item.get("relationship")
    return (by_hand.code_in(roles[0], ROLE) if roles else None, (item.get("name") or {}).get("family"))


def _update_contact(theirs: Record, ours: Record) -> Record:
    there, mine = theirs.get("name") or {}, ours.get("name") or {}
    name = _updated(there, mine, ("family", "given"))
    before, after = _contact_key(theirs)[0], _contact_key(ours)[0]
    if name is there and before == after:
        return theirs
    changed = dict(theirs)
    _set(changed, "name", name or None)
    if before != after:
        roles = theirs.get("relationship") or [{}]
        _set(changed, "relationship", [role for role in (_recoded(roles[0], ROLE, after), *roles[1:]) if role])
    return changed


def _recoded(concept: Record, system: str, code: str | None) -> Record:
    """The concept with this code of the system, or without one."""
    codings = list(concept.get("coding", ()))
    at = next((i for i, coding in enumerate(codings) if coding.get("system") == system), len(codings))
    there = codings[at : at + 1]
    codings[at : at + 1] = [{"system": system, **(there[0] if there else {}), "code": code}] if code else []
    changed = dict(concept)
    _set(changed, "coding", codings)
    return changed


def _put_characteristics(patient: Record, traits: Any) -> None:
    written: Record = {}
    by_hand.write_characteristics(traits, written)
    _put_marital(patient, written.get("maritalStatus"))
    if "extension" in written and written["extension"] == patient.get("extension"):
        return
    ours = {extension["url"]: extension for extension in written.get("extension", ())}
    kept = []
    for extension in patient.get("extension", ()):
        url = extension.get("url")
        if url in (RACE, ETHNICITY):
            if updated := _update_category(extension, ours.pop(url, None)):
                kept.append(updated)
        elif url == BIRTHSEX:
            if mine := ours.pop(url, None):
                kept.append(_updated(extension, mine, ("valueCode",)))
        else:
            kept.append(extension)
    kept += ours.values()
    _set(patient, "extension", kept)


def _update_category(theirs: Record, ours: Record | None) -> Record | None:
    mine = {part["url"]: part for part in (ours or {}).get("extension", ())}
    parts = []
    for part in theirs.get("extension", ()):
        url = part.get("url")
        if url == "ombCategory":
            if coded := mine.pop(url, None):
                coding = part.get("valueCoding") or {}
                code = coded["valueCoding"]["code"]
                parts.append(part if coding.get("code") == code else {**part, "valueCoding": {**coding, "code": code}})
        elif url == "text":
            if said := mine.pop(url, None):
                parts.append(_updated(part, said, ("valueString",)))
        else:
            parts.append(part)
    parts += mine.values()
    if parts == theirs.get("extension"):
        return theirs
    return {**theirs, "extension": parts} if parts else None


def _put_marital(patient: Record, ours: Record | None) -> None:
    there = patient.get("maritalStatus")
    code = ours["coding"][0]["code"] if ours else None
    if by_hand.code_in(there, MARITAL) == code:
        return
    _set(patient, "maritalStatus", _recoded(there or {}, MARITAL, code) or None)
