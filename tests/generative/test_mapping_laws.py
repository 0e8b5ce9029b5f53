"""The lens laws on random records: what did not change stays (GetPut), what was put is read again (PutGet)."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from casebridge.core.errors import CaseBridgeError
from casebridge.mapping import Map, OwnIds, load_map

MAP = """
map: test/everything
case: person
other: test/Thing
match: {type: Thing}
fields:
  names:
    each: name
    key: [use, family]
    fields:
      use: use
      family: family
      given: given
      period: {in: period, fields: {start: start, end: end}}
  telecoms: {each: contact.telecom, key: [system, value], fields: {system: {at: kind, codes: kind}, value: value}}
  birth: {at: birth.date, also_read: [born]}
  sexes(kind=administrative).value: {at: gender, codes: sex}
  sexes(kind=birth).value: extension(url=birthsex).code
  identifiers(system=ssn).value: {at: NM.09, with: {"08": "34"}}
  subject: {at: for.reference, link: person}
  deceased:
    choose:
      - {case: {deceased: boolean}, other: {flag: present}, fields: {deceased: flag}}
      - {case: {deceased: moment}, other: {when: present}, fields: {deceased: when}}
  characteristics(code=race).value: {flags: {asian: Asian, white: White}, none: {at: RaceNone, codes: none}}
  effective: {at: span, split: "/", fields: {start: 1, end: 2}}
  addresses(kind=home).line: [Address1, Address2]
  addresses(kind=home).city: City
  labels: {each: security, key: code, fields: {.: code}}
codes:
  kind: {rows: [[phone, HP], [phone, WP], [email, EM]], otherwise: keep}
  sex: {rows: [[male, M], [female, F], [female, W], [absent:asked-unknown, U]], otherwise: refuse}
  none: {rows: [[absent:asked-unknown, "8"], [absent:not-asked, "99"]], otherwise: refuse}
"""


@pytest.fixture(scope="module")
def the_map(tmp_path_factory: pytest.TempPathFactory) -> Map:
    path = tmp_path_factory.mktemp("maps") / "map.yaml"
    path.write_text(MAP)
    return load_map(path)


TEXT = st.sampled_from(["a", "b", "c", "d"])
DATE = st.sampled_from(["2020", "2020-01", "2021-01-02"])
BLANK = st.sampled_from(["", None])
EXTRA = st.dictionaries(st.sampled_from(["x", "y"]), st.one_of(TEXT, st.lists(TEXT, max_size=2)), max_size=1)


def maybe(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A dict with some of the parts, and sometimes something no line claims."""
    fixed = st.fixed_dictionaries({}, optional=parts)
    return st.tuples(EXTRA, fixed).map(lambda both: {**both[0], **both[1]})


OTHER = maybe(
    name=st.lists(maybe(use=TEXT, family=TEXT, given=st.lists(TEXT, min_size=1, max_size=2),
                        period=maybe(start=DATE, end=DATE)), max_size=3),
    contact=maybe(telecom=st.lists(maybe(kind=st.sampled_from(["HP", "WP", "EM", "other"]), value=TEXT), max_size=3)),
    birth=maybe(date=st.one_of(DATE, BLANK)), born=DATE,
    gender=st.sampled_from(["M", "F", "W", "U"]),
    extension=st.lists(maybe(url=st.sampled_from(["birthsex", "other"]), code=TEXT), max_size=3),
    NM=maybe(**{"08": st.sampled_from(["34", "ZZ"]), "09": TEXT}),
    **{"for": maybe(reference=st.sampled_from(["Patient/1", "Patient/2"]), display=TEXT)},
    flag=st.booleans(), when=DATE, Asian=st.sampled_from(["0", "1", "99"]), White=st.sampled_from(["0", "1"]),
    RaceNone=st.sampled_from(["8", "99"]), span=st.sampled_from(["2020", "2020/2021", "/2021"]),
    Address1=TEXT, Address2=st.one_of(TEXT, BLANK), City=TEXT,
    security=st.lists(maybe(code=TEXT), max_size=3),
)  # fmt: skip

CASE = st.fixed_dictionaries({}, optional={
    "names": st.lists(st.fixed_dictionaries({"family": TEXT}, optional={
        "use": TEXT, "given": st.lists(TEXT, min_size=1, max_size=2),
        "period": st.fixed_dictionaries({"start": DATE}, optional={"end": DATE})}),
        max_size=3, unique_by=lambda n: (n.get("use"), n["family"])),
    "telecoms": st.lists(st.fixed_dictionaries({"system": st.sampled_from(["phone", "email", "fax"]), "value": TEXT}),
                         max_size=3, unique_by=lambda t: (t["system"], t["value"])),
    "birth": DATE,
    "sexes": st.tuples(st.sampled_from(["male", "female", {"absent": "asked-unknown"}]), TEXT).map(
        lambda both: [{"kind": "administrative", "value": both[0]}, {"kind": "birth", "value": both[1]}]),
    "identifiers": TEXT.map(lambda value: [{"system": "ssn", "value": value}]),
    "subject": st.sampled_from(["Patient/1", "Patient/3"]).map(lambda ref: {"kind": "person", "external_id": ref}),
    "deceased": st.one_of(st.booleans(), DATE),
    "characteristics": st.sampled_from([["asian"], ["white"], ["asian", "white"], {"absent": "asked-unknown"}]).map(
        lambda value: [{"code": "race", "value": value}]),
    "effective": st.fixed_dictionaries({"start": DATE}, optional={"end": DATE}),
    "addresses": st.tuples(st.lists(TEXT, min_size=1, max_size=2), TEXT).map(
        lambda both: [{"kind": "home", "line": both[0], "city": both[1]}]),
    "labels": st.lists(TEXT, max_size=3, unique=True),
})  # fmt: skip

LAWS = settings(
    deadline=None, max_examples=int(os.environ.get("CASEBRIDGE_EXAMPLES", "100")),
    suppress_health_check=[HealthCheck.too_slow],
)


def without_blanks(node: Any) -> Any:
    """Nothing, an empty text, list or group are one and the same to a map."""
    if isinstance(node, dict):
        return {key: kept for key, value in node.items() if (kept := without_blanks(value)) not in (None, "", [], {})}
    if isinstance(node, list):
        return [without_blanks(value) for value in node]
    return node


def in_any_order(person: dict[str, Any]) -> dict[str, Any]:
    """Lists of records and of words in one order: put keeps the partner's order."""
    return {
        slot: sorted(value, key=lambda item: json.dumps(item, sort_keys=True)) if isinstance(value, list) else value
        for slot, value in without_blanks(person).items()
    }


@LAWS
@given(other=OTHER)
def test_put_changes_nothing_when_nothing_changed(the_map: Map, other: dict[str, Any]) -> None:
    other = {"type": "Thing", **other}
    before = copy.deepcopy(other)
    read = the_map.read(other)
    written = the_map.write(read.slice or {"person": {}}, OwnIds(), other)
    assert written.data == before
    assert written.no_room == []
    assert other == before


@LAWS
@given(case=CASE)
def test_what_is_created_is_read_again(the_map: Map, case: dict[str, Any]) -> None:
    written = the_map.write({"person": case}, OwnIds())
    assert written.no_room == []
    assert in_any_order(the_map.read(written.data).slice.get("person", {})) == in_any_order(case)
    assert the_map.read(written.data).left_over == []


@LAWS
@given(other=OTHER, case=CASE)
def test_what_is_put_is_read_again_and_the_rest_is_kept(
    the_map: Map, other: dict[str, Any], case: dict[str, Any]
) -> None:
    other = {"type": "Thing", **other}
    before = copy.deepcopy((other, case))
    try:
        written = the_map.write({"person": case}, OwnIds(), other)
    except CaseBridgeError as e:
        assert e.code == "CB-209"  # noqa: PT017  a deletion while the match is ambiguous, and nothing else
        return
    assert (other, case) == before
    assert in_any_order(the_map.read(written.data).slice.get("person", {})) == in_any_order(case)
    assert the_map.write({"person": case}, OwnIds(), written.data).data == written.data
    for word in ("x", "y"):
        assert written.data.get(word) == other.get(word)


@LAWS
@given(other=OTHER, case=CASE)
def test_withholding_everything_changes_nothing(the_map: Map, other: dict[str, Any], case: dict[str, Any]) -> None:
    hidden = {slot: {"absent": "withheld"} for slot in the_map.read({"type": "Thing", **other}).slice.get("person", {})}
    assume(hidden)
    written = the_map.write({"person": hidden}, OwnIds(), other)
    assert written.no_room == []
    kept = the_map.read(written.data).slice.get("person", {})
    assert {slot: kept[slot] for slot in hidden} == {
        slot: value for slot, value in the_map.read(other).slice["person"].items() if slot in hidden
    }


def veiled(node: Any, veil: Callable[[], Any]) -> Any:
    """The same case side with some of its leaves withheld or absent."""
    if isinstance(node, dict) and "absent" not in node:
        return {key: veiled(value, veil) for key, value in node.items()}
    if isinstance(node, list):
        return [veiled(value, veil) for value in node]
    return veil() or node


@LAWS
@given(other=OTHER, case=CASE, data=st.data())
def test_an_absent_is_never_written_as_such(
    the_map: Map, other: dict[str, Any], case: dict[str, Any], data: st.DataObject
) -> None:
    veils = st.sampled_from([None, None, {"absent": "withheld"}, {"absent": "asked-declined"}])
    person = veiled(case, lambda: data.draw(veils))
    for base in (None, {"type": "Thing", **other}):
        try:
            written = the_map.write({"person": person}, OwnIds(), base).data
        except CaseBridgeError as e:
            assert e.code in ("CB-205", "CB-209")  # noqa: PT017  no word for it, or an ambiguous deletion
            continue
        assert "absent" not in json.dumps(written)


WORDS = ["name", "family", "contact", "telecom", "NM", "09", "extension", "url", "birth", "span", "security", "code",
         "for", "reference", "flag"]  # fmt: skip


@LAWS
@given(node=st.recursive(
    st.one_of(TEXT, st.booleans(), st.none(), st.integers()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)),
    max_leaves=20))  # fmt: skip
def test_hostile_records_are_read_or_refused_with_a_code(the_map: Map, node: Any) -> None:
    other = node if isinstance(node, dict) else {"name": node}
    try:
        read = the_map.read(other)
    except CaseBridgeError as e:
        assert e.code.startswith(("CB-2", "CB-3"))  # noqa: PT017
        return
    assert the_map.write(read.slice or {"person": {}}, OwnIds(), other).data == {"type": "Thing", **other}
