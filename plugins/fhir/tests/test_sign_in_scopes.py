"""Which scopes are asked for: a table by what servers say, and what holds whatever they say."""

from __future__ import annotations

import pytest
from casebridge_fhir.smart_scopes import FORMS, chosen, covered, missing, needs
from hypothesis import given
from hypothesis import strategies as st

V1, V2 = "permission-v1", "permission-v2"
EPIC = ["patient/Patient.read", "user/Patient.read", "launch", "openid"]  # lists none for systems
TASK_V2, TASK_V1 = ["system/Task.crus"], ["system/Task.read", "system/Task.write"]


@pytest.mark.parametrize(
    ("capabilities", "supported", "task"),
    [
        ({V2}, [], TASK_V2),
        ({V1}, [], TASK_V1),
        ({V1, V2}, [], TASK_V2),                                          # narrower: no delete
        (set(), [], TASK_V1),                                             # older than both capabilities
        (set(), ["system/*.rs", "system/Task.cruds"], TASK_V2),           # told by how it writes them
        (set(), ["system/*.read", "system/*.write"], TASK_V1),
        (set(), ["system/*.*"], TASK_V1),
        ({V2}, EPIC, TASK_V2),
        ({V1}, EPIC, TASK_V1),
        ({V2}, ["system/*.cruds"], TASK_V2),
        ({V2}, ["system/Task.rsu", "system/Patient.rs"], ["system/Task.rus"]),   # no create there: none is asked for
        ({V2}, ["system/*.rs"], ["system/Task.rus"]),                            # update is asked for all the same
        ({V1}, ["system/*.read"], TASK_V1),
        ({V2}, ["system/Task.rs?owner=Organization/1", "system/*.rs"], ["system/Task.rus"]),
    ],
)  # fmt: skip
def test_what_is_asked_of_a_server_for_tasks(capabilities: set[str], supported: list[str], task: list[str]) -> None:
    assert [scope for scope in chosen(capabilities, supported) if "/Task." in scope] == task


def test_what_a_server_does_not_offer_and_we_can_do_without_is_not_asked_for() -> None:
    asked = chosen({V2}, ["system/Task.cruds", "system/Patient.rs", "system/ServiceRequest.rs"])
    assert asked == ("system/Task.crus", "system/ServiceRequest.rs", "system/Patient.rs")


@pytest.mark.parametrize(
    ("granted", "lacking"),
    [
        (["system/*.cruds"], ()),
        (["system/*.*"], ()),
        (["system/*.read", "system/*.write"], ()),
        (["system/*.read"], ("Task: update",)),
        (["system/*.rs"], ("Task: update",)),
        (["system/Task.crus", "system/Patient.rs"], ("ServiceRequest: read",)),
        (["system/Task.crus", "system/Patient.r?_id=1", "system/ServiceRequest.r"], ("Patient: read",)),
        (["user/*.cruds"], ("Task: read", "Task: search", "Task: update", "ServiceRequest: read", "Patient: read")),
        ([], ("Task: read", "Task: search", "Task: update", "ServiceRequest: read", "Patient: read")),
    ],
)
def test_what_is_lacking_is_named(granted: list[str], lacking: tuple[str, ...]) -> None:
    assert missing(granted) == lacking


RESOURCES = st.sampled_from(["*", *(need.resource for need in needs()), FORMS.resource, "Encounter"])
RIGHTS = st.sampled_from(["read", "write", "*", "rs", "cruds", "r", "cu", "d", "s?code=1", "", "sr", "READ"])
CONTEXTS = st.sampled_from(["system", "user", "patient"])
SCOPES = st.lists(st.builds("{}/{}.{}".format, CONTEXTS, RESOURCES, RIGHTS) | st.text(max_size=12), max_size=8)
CAPABILITIES = st.sets(st.sampled_from([V1, V2, "client-confidential-asymmetric"]))


@given(CAPABILITIES, SCOPES)
def test_what_is_asked_for_covers_what_we_cannot_do_without(capabilities: set[str], supported: list[str]) -> None:
    assert missing(chosen(capabilities, supported)) == ()


@given(CAPABILITIES, SCOPES)
def test_nothing_is_asked_for_beyond_what_we_do(capabilities: set[str], supported: list[str]) -> None:
    asked = chosen(capabilities, supported)
    word_scopes = any(scope.endswith((".read", ".write")) for scope in asked)
    all_of_it = (*needs(), FORMS)
    for need in all_of_it:
        widened = {"r": "rs", "s": "rs"} | dict.fromkeys("cud", "cud") if word_scopes else {}
        allowed = {letter for right in need.rights for letter in widened.get(right, right)}
        assert covered(asked, need.resource) <= allowed
    assert {scope.partition("/")[2].partition(".")[0] for scope in asked} <= {need.resource for need in all_of_it}


@given(SCOPES)
def test_more_scopes_never_cover_less(scopes: list[str]) -> None:
    for need in needs():
        assert covered(scopes[:-1], need.resource) <= covered(scopes, need.resource)


def test_the_table_needs_nothing_that_it_does_not_ask_for() -> None:
    for need in needs():
        assert set(need.needed) <= set(need.rights) <= set("cruds"), need
        assert "".join(letter for letter in "cruds" if letter in need.rights) == need.rights, need


def test_subscriptions_are_asked_for_only_by_whoever_wants_to_be_told() -> None:
    assert [scope for scope in chosen({V2}, []) if "Subscription" in scope] == []
    assert [s for s in chosen({V2}, [], subscribe=True) if "Subscription" in s] == ["system/Subscription.cruds"]
    assert "system/Subscription.r" in chosen({V2}, ["system/Task.rus", "system/Subscription.r"], subscribe=True)
