"""The keys we sign in with: changed in three steps without a gap, private ones for their owner alone."""

from __future__ import annotations

import json
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from casebridge.core.errors import SetupError
from casebridge.core.signing_keys import ALGORITHMS, KEPT_AFTER, PUBLISHED_FIRST, SigningKeys

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "k", "oth"}


@pytest.fixture
def keys(tmp_path: Path) -> SigningKeys:
    return SigningKeys.of(tmp_path, "mercy", "prod")


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_what_one_signs_the_published_key_checks(keys: SigningKeys, alg: str) -> None:
    made = keys.make(alg, NOW)
    kind = RSAKey if alg == "RS384" else ECKey
    signed = jwt.encode({"alg": alg, "kid": made.kid}, {"iss": "us"}, kind.import_key(keys.private(made)), [alg])
    published = KeySet.import_key_set(keys.published())
    assert jwt.decode(signed, published, [alg]).claims == {"iss": "us"}


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_only_public_members_are_published(keys: SigningKeys, tmp_path: Path, alg: str) -> None:
    made = keys.make(alg, NOW)
    ring = next(tmp_path.rglob("ring.json"))
    spoiled = json.loads(ring.read_text())
    spoiled["keys"][0]["public"]["d"] = "secret"  # were it ever to get there
    ring.write_text(json.dumps(spoiled))
    (found,) = keys.published()["keys"]
    assert found["kid"] == made.kid
    assert (found["alg"], found["use"], found["key_ops"]) == (alg, "sig", ["verify"])
    assert not PRIVATE & found.keys()


def test_the_name_of_a_key_is_its_thumbprint(keys: SigningKeys) -> None:
    keys.make("ES384", NOW)
    (found,) = keys.published()["keys"]
    assert ECKey.import_key(found).thumbprint() == found["kid"]


def test_private_keys_are_their_owners_alone(keys: SigningKeys, tmp_path: Path) -> None:
    made = keys.make("ES384", NOW)
    (file,) = tmp_path.rglob("*.pem")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert b"PRIVATE" in keys.private(made)
    for mode in (0o640, 0o604, 0o620):
        file.chmod(mode)
        with pytest.raises(SetupError, match="CB-145"):
            keys.private(made)
    file.unlink()
    with pytest.raises(SetupError, match="CB-113"):
        keys.private(made)


def test_the_three_steps(keys: SigningKeys) -> None:
    def states() -> dict[str, str]:
        return {key.kid: key.state for key in keys.listed()}

    first = keys.make("ES384", NOW)
    assert (first.state, first.due) == ("current", None)
    second = keys.make("ES384", NOW)
    assert states() == {second.kid: "next", first.kid: "current"}
    assert second.due == NOW + PUBLISHED_FIRST
    later = NOW + timedelta(days=2)
    assert keys.use(later).kid == second.kid
    assert states() == {second.kid: "current", first.kid: "old"}
    old = keys.one("old")
    assert old is not None
    assert old.due == later + KEPT_AFTER
    keys.withdraw(old)
    assert states() == {second.kid: "current"}
    with pytest.raises(SetupError, match="CB-113"):
        keys.private(first)


def test_a_step_that_is_not_there_is_refused(keys: SigningKeys) -> None:
    with pytest.raises(SetupError, match="no new key waits"):
        keys.use(NOW)
    keys.make("ES384", NOW)
    keys.make("ES384", NOW)
    with pytest.raises(SetupError, match="a new key waits already"):
        keys.make("ES384", NOW)


def step_taken(keys: SigningKeys, step: str) -> None:
    """What a command would do; where it would be refused, nothing."""
    states = {key.state: key for key in keys.listed()}
    if step == "make" and "next" not in states:
        keys.make("ES384", NOW)
    elif step == "use" and "next" in states:
        keys.use(NOW)
    elif step == "withdraw" and "old" in states:
        keys.withdraw(states["old"])


@settings(max_examples=40)
@given(st.lists(st.sampled_from(["make", "use", "withdraw"]), max_size=8))
def test_whatever_is_done_one_key_is_used_and_no_other_file_is_left(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("steps")
    keys = SigningKeys.of(folder, "mercy", "test")
    for step in steps:
        step_taken(keys, step)
        found = keys.listed()
        states = [key.state for key in found]
        assert states.count("current") == (1 if found else 0)
        assert max(states.count("next"), states.count("old")) <= 1
        assert {f"{key.kid}.pem" for key in found} == {path.name for path in folder.rglob("*.pem")}
        assert [key["kid"] for key in keys.published()["keys"]] == [key.kid for key in found]


def test_two_commands_at_once_make_one_key_each_and_lose_none(keys: SigningKeys, tmp_path: Path) -> None:
    keys.make("ES384", NOW)
    together, refused = threading.Barrier(4), []

    def work() -> None:
        together.wait()
        try:
            SigningKeys.of(tmp_path, "mercy", "prod").make("ES384", NOW)
        except SetupError as error:
            refused.append(error.message)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == ["a new key waits already"] * 3
    assert [key.state for key in keys.listed()] == ["next", "current"]


def test_environments_and_partners_share_nothing(tmp_path: Path) -> None:
    sets = [SigningKeys.of(tmp_path, p, e) for p in ("mercy", "mercy.test", "st-luke") for e in ("prod", "test")]
    made = [keys.make("ES384", NOW).kid for keys in sets]
    assert len(set(made)) == 6
    assert [key.kid for keys in sets for key in keys.listed()] == made


@pytest.mark.parametrize("name", ["", "..", ".", "../mercy", "a/b", "a b", ".hidden", "-x", "é", "a\n"])
def test_a_name_that_no_folder_may_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(SetupError, match="CB-101"):
        SigningKeys.of(tmp_path, name, "prod")
    with pytest.raises(SetupError, match="CB-101"):
        SigningKeys.of(tmp_path, "mercy", name)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"keys": [{}]}', '{"keys": [{"since": 1}]}'])
def test_a_list_that_cannot_be_read_is_not_taken_for_none(keys: SigningKeys, tmp_path: Path, text: str) -> None:
    keys.make("ES384", NOW)
    next(tmp_path.rglob("ring.json")).write_text(text)
    with pytest.raises(SetupError, match=r"ring\.json cannot be read"):
        keys.listed()
