"""Encryption at rest: what is closed opens in its own row only, with its own key only, and keys change while we run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from casebridge.core.errors import Held, SetupError
from casebridge.store import keys, ledger, links, payloads, sealed
from casebridge.store.box import AS_IS, MAGIC, Plain
from casebridge.store.database import Store
from casebridge.store.links import PersonKey
from casebridge.store.sealed import Key, Sealed, key_of, new_line, read_keys
from casebridge.store.tables import identifier, message

K1, K2 = Key("k1", bytes(range(32))), Key("k2", bytes(range(32, 64)))
PLAIN = Key("plain")
A, B = ("record", "A"), ("record", "B")


@given(st.binary() | st.binary().map(lambda b: MAGIC + b) | st.binary().map(lambda b: AS_IS + b))
def test_every_box_gives_back_what_it_was_given(data: bytes) -> None:
    for box in (Plain(), Sealed([K1]), Sealed([PLAIN, K1]), Sealed([K2, PLAIN, K1])):
        assert box.open(box.close(data, *A), *A) == data
    assert Sealed([K1, PLAIN]).open(Plain().close(data), *A) == data


def test_what_lies_in_the_store_shows_nothing_and_is_never_the_same_twice() -> None:
    box = Sealed([K1])
    one, two = box.close(b"Ada Moreno", *A), box.close(b"Ada Moreno", *A)
    assert b"Ada" not in one
    assert one != two


def test_a_row_opens_only_where_it_was_put() -> None:
    box = Sealed([K1])
    with pytest.raises(Held, match=r"CB-522") as refused:
        box.open(box.close(b"Ada", *A), *B)
    assert "Ada" not in str(refused.value)


@pytest.mark.parametrize("at", [-1, 30, 12])
def test_a_changed_byte_is_noticed(at: int) -> None:
    data = bytearray(Sealed([K1]).close(b"Ada Moreno", *A))
    data[at] ^= 1
    with pytest.raises(Held, match=r"CB-522"):
        Sealed([K1]).open(bytes(data), *A)


def test_a_cut_row_is_noticed() -> None:
    data = Sealed([K1]).close(b"Ada Moreno", *A)
    for end in range(4, len(data)):
        with pytest.raises((Held, SetupError)):
            Sealed([K1]).open(data[:end], *A)


@pytest.mark.parametrize("box", [Plain(), Sealed([K2]), Sealed([K2, PLAIN])])
def test_without_its_key_the_key_is_named(box: Plain | Sealed) -> None:
    with pytest.raises(SetupError, match=r"CB-134"):
        box.open(Sealed([K1]).close(b"Ada", *A), *A)


def test_an_open_row_among_closed_ones_is_refused() -> None:
    with pytest.raises(SetupError, match=r"the key plain is not at hand"):
        Sealed([K1]).open(b'{"name": "forged"}', *A)


def test_a_salt_serves_for_so_many_rows_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "MOST", 3)
    box, salt = Sealed([K1]), slice(len(K1.head), len(K1.head) + sealed.SALT)
    assert len({box.close(b"", *A)[salt] for _ in range(12)}) > 2


def test_identifiers_are_the_same_for_the_same_and_tell_nothing_else() -> None:
    (one,) = Sealed([K1]).blinds("ssn", "899611001")
    assert Sealed([K1]).blinds("ssn", "899611001") == (one,)
    assert Sealed([K1]).blinds("mrn", "899611001") != (one,)
    assert Sealed([K2]).blinds("ssn", "899611001") != (one,)
    assert (key_of(one), key_of("899611001")) == ("k1", "plain")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "there is no key"),
        ("k1", "key 1: expected an id"),
        ("k1 c2hvcnQ=", "key k1: expected 32 random bytes"),
        ("k1 not-base64!", "key k1: expected 32 random bytes"),
        ("k1 " + "QUFB" * 10 + "QUE=", "key k1: expected 32 random bytes"),  # only A
        ("plain\nplain", "two keys have one id"),
        ("plain c2hvcnQ=", "key 1: expected an id"),
    ],
)
def test_a_file_of_keys_that_is_not_right_says_so_and_shows_nothing_of_it(text: str, wrong: str) -> None:
    with pytest.raises(SetupError, match=r"CB-133") as refused:
        read_keys(text)
    assert wrong in refused.value.message
    assert "c2hvcnQ" not in str(refused.value)


def test_a_new_line_is_a_key() -> None:
    first, second = read_keys(f"{new_line()}\n; the old one\nplain")
    assert (len(first.secret), second) == (32, PLAIN)


def test_a_running_process_learns_of_a_new_key_and_keeps_the_old(monkeypatch: pytest.MonkeyPatch) -> None:
    there = [[K1]]
    box = Sealed([K1], lambda: there[0])
    there[0] = [K2]
    assert box.open(Sealed([K2]).close(b"Ada", *A), *A) == b"Ada"  # at once, when it is needed
    assert box.keys == ("k2", "k1")


# --- the store -----------------------------------------------------------------------------------------------


def filled(url: str, *ring: Key) -> None:
    """A store with a document and an identifier under these keys."""
    store = Store(url, Sealed(ring) if ring else None)
    with store.write() as c:
        ledger.add(c, "2026", direction="in", partner="p", kind="k", stop="apply", state="waiting", document={"a": 1})
        links.set_identifiers(c, PersonKey("p", "1"), {("ssn", b) for b in store.box.blinds("ssn", "899611001")})
    store.close()


def test_nothing_opens_with_another_key_of_the_same_name(store_url: str) -> None:
    filled(store_url, K1)
    with pytest.raises(SetupError, match=r"CB-133"):
        Store(store_url, Sealed([Key("k1", K2.secret)]))


@pytest.mark.parametrize(("before", "now"), [([K1], [K2]), ([K1], []), ([], [K1]), ([K1], [PLAIN])])
def test_a_start_without_a_key_that_is_needed_says_which(store_url: str, before: list[Key], now: list[Key]) -> None:
    filled(store_url, *before)
    with pytest.raises(SetupError, match=r"CB-134") as refused:
        Store(store_url, Sealed(now) if now else None)
    assert ("k1" if before else "plain") in str(refused.value)


def test_an_empty_store_takes_any_key(store_url: str) -> None:
    Store(store_url).close()
    filled(store_url, K1)
    with pytest.raises(SetupError):
        Store(store_url)


def test_what_a_forgotten_key_made_of_identifiers_goes_with_it(store_url: str) -> None:
    filled(store_url, K2, PLAIN)  # both are written while the second is still there
    store = Store(store_url, Sealed([K2]))
    with store.read() as c:
        assert [key_of(v) for v in c.execute(select(identifier.c.value)).scalars()] == ["k2"]
        assert list(keys.marks(c)) == ["k2"]
    store.close()


def test_documents_moved_from_row_to_row_behind_our_back_are_refused(store_url: str) -> None:
    store = Store(store_url, Sealed([K1]))
    with store.write() as c:
        for name in ("Ada", "Ben"):
            ledger.add(c, "2026", direction="in", partner="p", kind=name, stop="apply", state="waiting", document=name)
    with store.write() as c:
        ada = c.execute(select(message.c.document).where(message.c.kind == "Ada")).scalar()
        c.execute(update(message).where(message.c.kind == "Ben").values(document=ada))
    with store.read() as c:
        assert [m.document for m in ledger.listed(c, kind="Ada")] == ["Ada"]
        with pytest.raises(Held, match=r"CB-522"):
            ledger.listed(c, kind="Ben")
    store.close()


def test_a_closed_payload_is_read_in_parts(new_store: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.setattr(payloads, "PART", 7)
    store = Store(new_store(), Sealed([K1]))
    body = b"ISA*00*Moreno*Ada*" * 3
    with store.write() as c:
        id_ = payloads.add(c, partner="p", name="f", media_type="t", digest="d", size=len(body), identity=None,
                           state="stored", now="2026", body=io.BytesIO(body))  # fmt: skip
    stream = payloads.open_payload(store, id_)
    stream.seek(10)
    assert stream.read() == body[10:]
    store.close()
