"""Bad Medicaid files: what cannot be trusted is held whole, what is bad alone is held alone, the rest goes on."""

from __future__ import annotations

from typing import Any

import pytest
from books import accounts, assert_helpful, only_held, store_bytes
from members import file_834, member
from sites import TestSite, patient

from casebridge.engine import held as holding
from casebridge.store import links, records
from casebridge.store.links import PersonKey

ADA = member("MORENO", "ADA", "899611001")
STRANGERS = (member("LINDQVIST", "PER", "899617001"), member("ADEYEMI", "TOLU", "899617002"))
NAMES = ("MORENO", "Moreno", "899611001", "LINDQVIST", "899617001")


@pytest.fixture
def known(site: TestSite) -> TestSite:
    """A site whose roster has one person: the hospital's patient Ada Moreno."""
    site.drop("hospital", "ada.json", patient())
    return site


def people(site: TestSite, source: str = "state") -> list[dict[str, Any]]:
    """The persons a source asserts."""
    members = [m.external_id for m in site.messages(direction="in", partner=source, state="done") if m.external_id]
    with site.bridge.site.store.read() as c:
        found = [records.find(c, source, "person", id_) for id_ in members]
    return [r.document for r in found if r is not None]


CUT = [
    ("cut off in the middle of a member", lambda data: data[: data.index(b"DMG")], "CB-312", "segment 9"),
    ("without SE, GE and IEA", lambda data: data[: data.index(b"SE*")], "CB-312", "segment 12"),
    ("nothing but the beginning of an ISA", lambda data: data[:40], "CB-312", "segment 1"),
    ("SE counts other segments than there are", lambda data: data.replace(b"SE*11", b"SE*19"), "CB-313", "SE01"),
    ("not X12 at all", lambda data: b"Dear sir or madam,", "CB-310", "segment 1"),
    ("empty", lambda data: b"", "CB-303", "the file is empty"),
]


@pytest.mark.parametrize(("about", "spoil", "code", "where"), CUT, ids=[c[0] for c in CUT])
def test_a_file_that_cannot_be_trusted_is_held_whole_and_the_next_one_is_read(
    known: TestSite, about: str, spoil: Any, code: str, where: str
) -> None:
    whole = file_834(ADA)
    known.drop("state", "834.txt", spoil(whole))
    held = only_held(known)
    assert_helpful(held, code, "partner", where, hides=NAMES)
    assert (held.kind, accounts(known, "state")["in"]) == ("payload", 0)
    known.drop("state", "834.txt", whole)
    assert [p["names"][0]["family"] for p in people(known)] == ["MORENO"]
    assert [m.id for m in known.held()] == [held.id], "the bad one waits for a person, the good one did not"


def test_a_byte_order_mark_changes_nothing(known: TestSite) -> None:
    known.drop("state", "834.txt", b"\xef\xbb\xbf" + file_834(ADA))
    assert known.held() == []
    assert [p["names"][0]["given"] for p in people(known)] == [["ADA"]]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_a_name_arrives_right_however_it_was_encoded(known: TestSite, encoding: str) -> None:
    known.drop("state", "834.txt", file_834(member("MUÑOZ-GÜL", "ZOË", "899611001"), encoding=encoding))
    (person,) = people(known)
    assert (person["names"][0]["family"], person["names"][0]["given"]) == ("MUÑOZ-GÜL", ["ZOË"])


BAD_MEMBERS = [
    ("a code the guide does not know", {"maintenance": "999"}, "CB-301", "2000 INS03", "segment"),
    ("a birth date that is none", {"born": "19871345"}, "CB-301", "2100A DMG02", "segment"),
    ("a code the map has no row for", {"sex": "Q"}, "CB-205", "2100A.DMG.03", ""),
]


@pytest.mark.parametrize(("about", "bad", "code", "field", "where"), BAD_MEMBERS, ids=[b[0] for b in BAD_MEMBERS])
def test_one_bad_member_is_held_alone_and_the_others_go_on(
    known: TestSite, about: str, bad: dict[str, str], code: str, field: str, where: str
) -> None:
    spoiled = member("HADDAD", "LENA", "899611009", **bad)
    known.drop("state", "834.txt", file_834(STRANGERS[0], spoiled, ADA))
    held = only_held(known)
    assert_helpful(held, code, held.who, field, where, hides=("HADDAD", "LENA", "899611009", "19871345"))
    assert held.position["segment"] > 0
    assert accounts(known, "state") == {"in": 3, "done": 1, "held": 1, "skipped": 1}
    assert [p["names"][0]["family"] for p in people(known)] == ["MORENO"]


def test_a_record_replayed_before_anything_was_mended_is_held_again(known: TestSite) -> None:
    known.drop("state", "834.txt", file_834(member("MORENO", "ADA", "899611001", sex="Q")))
    again = holding.replay(known.bridge.site, only_held(known).id)
    assert (again.state, again.code) == ("held", "CB-205")
    known.work()
    assert accounts(known, "state") == {"in": 1, "held": 1}


def test_three_people_under_one_subscriber_id_stay_three(site: TestSite) -> None:
    family = (("Ada", "899611001", "18"), ("Bo", "899611002", "01"), ("Cy", "899611003", "19"))
    for number, (given, ssn, _) in enumerate(family):
        name = [{"family": "Moreno", "given": [given]}]
        site.drop("hospital", f"{number}.json", {**patient(f"p{number}", ssn), "name": name})
    loops = [member("MORENO", given.upper(), ssn, number="MCD1", relation=rel) for given, ssn, rel in family]
    site.drop("state", "834.txt", file_834(*loops))
    assert sorted(p["names"][0]["given"][0] for p in people(site)) == ["ADA", "BO", "CY"]
    with site.bridge.site.store.read() as c:
        by_state = [links.client_of(c, PersonKey("state", m.external_id))
                    for m in site.messages(partner="state", kind="x12/834-member")]  # fmt: skip
        by_hospital = [links.client_of(c, PersonKey("hospital", f"Patient/p{n}")) for n in range(3)]
    assert by_state == by_hospital
    assert len(set(by_state)) == 3


def test_of_members_who_are_nobodys_client_nothing_stays_but_the_count(known: TestSite) -> None:
    known.drop("state", "834.txt", file_834(*STRANGERS, ADA))
    assert accounts(known, "state") == {"in": 3, "done": 1, "skipped": 2}
    known.bridge.close()
    left = store_bytes(known.folder)
    assert b"MORENO" in left, "the look into the file would find a name"
    for name in (b"LINDQVIST", b"ADEYEMI", b"TOLU", b"899617001", b"899617002"):
        assert name not in left


def test_an_interchange_for_testing_is_refused_by_a_partner_in_production(known: TestSite) -> None:
    known.drop("state", "834.txt", file_834(ADA).replace(b"*0*P*:", b"*0*T*:"))
    assert_helpful(only_held(known), "CB-508", "it", "ISA15", "segment 1", hides=NAMES)
    assert accounts(known, "state")["in"] == 0
