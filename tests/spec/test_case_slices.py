"""Leaves of a slice, withholding some of them, two slices as one."""

from casebridge.core.disclosure import Decision
from casebridge.core.slices import leaves, merge, withhold

PERMIT, DENY = Decision("permit", ("p",)), Decision("deny", ("d",))
YEAR = Decision("redact", ("y",), ("keep-year",))
ANA = {
    "person": {
        "names": [{"use": "official", "family": "Rivera", "given": ["Ana", "M."]}],
        "birth": "1974-12-25",
        "identifiers": [{"system": "ssn", "value": "1"}, {"system": "mrn", "value": "2"}],
        "telecoms": [{"system": "phone", "value": {"absent": "asked-declined"}}],
    },
    "needs": [{"domain": "food-insecurity"}, {"domain": "stress"}],
    "complete": ["needs"],
}


def test_the_leaves():
    found = [(leaf.path, leaf.kind, leaf.field, leaf.value) for leaf in leaves(ANA)]
    assert found[1] == ("person.names[0].family", "person", "names.family", "Rivera")
    assert found[3] == ("person.names[0].given[1]", "person", "names.given", "M.")
    assert ("person.telecoms[0].value", "person", "telecoms.value", {"absent": "asked-declined"}) in found
    assert found[-1] == ("needs[1].domain", "need", "domain", "stress")


def test_a_reference_and_an_empty_list_are_leaves():
    ref = {"kind": "person", "external_id": "Patient/1"}
    found = {leaf.path: leaf.value for leaf in leaves({"referral": {"requester": ref, "outputs": []}})}
    assert found == {"referral.requester": ref, "referral.outputs": []}


def test_a_withheld_field_is_absent_as_a_whole():
    kept, decisions = withhold(ANA, lambda leaf: DENY if leaf.field.startswith("identifiers") else PERMIT)
    assert kept["person"]["identifiers"] == {"absent": "withheld"}
    assert kept["person"]["names"] == ANA["person"]["names"]
    assert [leaf.path for leaf, d in decisions if d is DENY] == [
        "person.identifiers[0].system", "person.identifiers[0].value",
        "person.identifiers[1].system", "person.identifiers[1].value",
    ]  # fmt: skip


def test_part_of_a_group_may_leave():
    kept, _ = withhold(ANA, lambda leaf: DENY if leaf.field == "names.given" else PERMIT)
    names = [{"use": "official", "family": "Rivera", "given": {"absent": "withheld"}}]
    assert kept["person"]["names"] == names


def test_a_record_nothing_of_which_leaves_is_left_out_and_its_list_is_no_longer_complete():
    kept, _ = withhold(ANA, lambda leaf: DENY if leaf.value == "stress" else PERMIT)
    assert (kept["needs"], kept["complete"]) == ([{"domain": "food-insecurity"}], [])


def test_a_redacted_date_keeps_its_year():
    kept, _ = withhold(ANA, lambda leaf: YEAR if leaf.field == "birth" else PERMIT)
    assert kept["person"]["birth"] == "1974"


def test_an_unknown_redaction_withholds():
    unknown = Decision("redact", ("r",), ("blur",))
    kept, _ = withhold(ANA, lambda leaf: unknown if leaf.field == "birth" else PERMIT)
    assert kept["person"]["birth"] == {"absent": "withheld"}


def test_a_review_withholds_until_a_person_has_looked():
    kept, _ = withhold({"person": {"birth": "1974"}}, lambda leaf: Decision("review", ("r",)))
    assert kept == {"person": {"birth": {"absent": "withheld"}}}


def test_nothing_is_changed_in_place():
    before = repr(ANA)
    withhold(ANA, lambda leaf: DENY)
    assert repr(ANA) == before


def test_two_slices_as_one():
    first = {"person": {"birth": "1974", "status": "active"}, "needs": [{"id": "N1", "domain": "stress"}]}
    second = {
        "person": {"birth": "1974-12"}, "needs": [{"id": "N1", "severity": "high"}, {"domain": "homelessness"}],
        "complete": ["needs"],
    }  # fmt: skip
    assert merge(first, second) == {
        "person": {"birth": "1974-12", "status": "active"},
        "needs": [{"id": "N1", "domain": "stress", "severity": "high"}, {"domain": "homelessness"}],
        "complete": ["needs"],
    }
