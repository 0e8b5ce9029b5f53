"""The conformance kit lets a good adapter through and names every fault of a hostile one."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterator
from typing import ClassVar

import pytest

from casebridge import Converter, Finding, Native, OutFile, Payload, Probe, Receipt, Settings
from casebridge.core.errors import Position, RecordError
from casebridge.testing import NotConforming, a_dispatch, check_converter, check_format, check_link

SAMPLE = b'{"id": "1", "name": "Ada"}\n{"id": "2", "name": "Bo"}\n'


class Lines:
    """A good format: one JSON object a line."""

    name: ClassVar[str] = "lines"
    capabilities: ClassVar[frozenset[str]] = frozenset({"parse", "render"})
    Settings = Settings

    def __init__(self, settings, context): ...

    def identity(self, stream):
        return None

    def parse(self, stream, shapes):
        for row, line in enumerate(stream, 1):
            try:
                data = json.loads(line)
                yield Native("lines/thing", data, Position(row=row), data["id"])
            except (ValueError, TypeError, KeyError, RecursionError):
                yield RecordError("CB-303", "not a JSON object with an id", position=Position(row=row))

    def render(self, records, context):
        text = "".join(json.dumps(dict(r.document)) + "\n" for r in records)
        yield OutFile("things.txt", text.encode(), "text/plain", tuple(range(len(records))))


def lines(**methods: object) -> type:
    """The good format with some of it replaced."""
    return type("Hostile", (Lines,), methods)


def one(data: dict, external_id: str = "1") -> Native:
    return Native("lines/thing", data, Position(row=1), external_id)


COUNTER = itertools.count()


def changing(self, stream, shapes) -> Iterator[Native]:
    yield one({"n": next(COUNTER)})


def checks(check, recognises=lambda *_: True):
    """The good format, with checks of its own."""
    return lines(capabilities=frozenset({"identity", "parse", "render", "check"}), check=check, recognises=recognises)


def test_a_format_that_checks_and_refuses_what_it_cannot_read_passes():
    def check(self, stream):
        for line in stream:
            if not line.startswith(b"{"):
                raise RecordError("CB-303", "no record")
            yield Finding("wrong", "r", "CB-301", "x", Position())

    check_format(checks(check), [SAMPLE])


HOSTILE = {
    "finds nothing": (lines(parse=lambda *_: iter(())), "finds no record"),
    "returns a list": (lines(parse=lambda *_: [one({})]), "it must stream"),
    "yields strangers": (lines(parse=lambda *_: iter([one({}), "x"])), "something else than Native"),
    "has floats": (lines(parse=lambda *_: iter([one({"a": [{"b": 1.5}]})])), "holds a float"),
    "has other keys": (lines(parse=lambda *_: iter([one({1: "x"})])), "holds a key of type int"),
    "has no ids": (lines(parse=lambda *_: iter([one({}, "")])), "has no external_id"),
    "repeats ids": (lines(parse=lambda *_: iter([one({}), one({})])), "the same type and external_id"),
    "varies": (lines(parse=changing), "twice gives different records"),
    "hides the place": (
        lines(parse=lambda *_: iter(Native("lines/thing", {}, Position(), i) for i in "12")),
        "do not say where they stand",
    ),
    "identity raises": (lines(identity=lambda *_: 1 / 0), "identity raises ZeroDivisionError"),
    "loses a record": (
        lines(render=lambda self, r, c: Lines.render(self, r[:1], c)),
        "the files' records are not each record once",
    ),
    "changes a record": (
        lines(render=lambda self, r, c: iter([OutFile("f", SAMPLE.replace(b"Ada", b"Eve"), "", (0, 1))])),
        "parse(render(parse(x))) is not parse(x)",
    ),
    "crashes on noise": (
        lines(
            parse=lambda self, stream, shapes: (one(json.loads(line)) for line in stream),
            capabilities=frozenset({"parse"}),
        ),
        "parse raises JSONDecodeError",
    ),
    "checks without a way to": (
        lines(capabilities=frozenset({"parse", "render", "check"})),
        "without the methods recognises and check",
    ),
    "crashes while it checks": (checks(lambda *_: 1 / 0), "check raises ZeroDivisionError"),
    "finds something else": (checks(lambda *_: iter(["x"])), "something else than Findings"),
    "finds what has no code": (
        checks(lambda *_: iter([Finding("wrong", "r", "CB-000", "x", Position())])), "with a code of errors.csv"
    ),
    "recognises perhaps": (checks(lambda *_: iter(()), lambda *_: None), "neither True nor False"),
    "is no format": (lines(name="No Name"), "needs a name in small letters"),
}


def test_a_good_format_passes():
    check_format(Lines, [SAMPLE])


@pytest.mark.parametrize(("hostile", "says"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_format_is_named(hostile, says):
    with pytest.raises(NotConforming) as caught:
        check_format(hostile, [SAMPLE])
    assert says in str(caught.value)


def test_a_format_without_samples_is_not_tested():
    with pytest.raises(NotConforming, match="no samples"):
        check_format(Lines, [])


def test_all_faults_are_named_at_once():
    hostile = lines(parse=lambda *_: iter([one({"a": 1.5}, "")]), identity=lambda *_: 1 / 0)
    with pytest.raises(NotConforming) as caught:
        check_format(hostile, [SAMPLE])
    assert len(caught.value.problems) >= 3


class Shelf:
    """A good link: what is on the shelf comes in once; what is sent is kept under its key."""

    name: ClassVar[str] = "shelf"
    Settings = Settings
    here: ClassVar[dict[str, bytes]] = {}
    sent: ClassVar[dict[str, Receipt]] = {}

    def __init__(self, settings, context):
        type(self).here = {"a.txt": b"a", "b.txt": b"b"}
        type(self).sent = {}

    def receive(self, cursor):
        yield from [Payload(name, io.BytesIO(data), token=name) for name, data in self.here.items()]

    def settle(self, payload, outcome):
        self.here.pop(payload.token, None)

    def send(self, dispatch, key):
        return self.sent.setdefault(key, Receipt("ok"))

    def find(self, dispatch, key):
        return self.sent.get(key)

    def probe(self):
        return Probe(True, "there")

    def close(self): ...


def shelf(**methods: object) -> type:
    return type("Hostile", (Shelf,), methods)


LINKS = {
    "never settles": (shelf(settle=lambda *_: None), "is received again (2 payloads)"),
    "receives strangers": (shelf(receive=lambda *_: iter(["x"])), "something else than Payload"),
    "gives text": (shelf(receive=lambda *_: iter([Payload("n", io.StringIO("x"))])), "does not give bytes"),
    "gives no name": (shelf(receive=lambda *_: iter([Payload("", io.BytesIO(b""))])), "no name to show"),
    "says yes": (shelf(probe=lambda *_: True), "probe does not return a Probe"),
    "says nothing": (shelf(send=lambda *_: None), "neither Receipt nor Conflict"),
    "makes things up": (shelf(find=lambda *_: Receipt("sure")), "what was never sent"),
}


def test_a_good_link_passes():
    check_link(Shelf, {}, dispatch=a_dispatch(OutFile("x", b"x", "text/plain")))


@pytest.mark.parametrize(("hostile", "says"), LINKS.values(), ids=LINKS)
def test_a_hostile_link_is_named(hostile, says):
    with pytest.raises(NotConforming) as caught:
        check_link(hostile, {}, dispatch=a_dispatch(OutFile("x", b"x", "text/plain")))
    assert says in str(caught.value)


CONVERTERS = {
    "wrong sample": (Converter("c", str.upper, str.lower, "canonical", (("a", "B"),)), "the sample says 'B'"),
    "not exact": (Converter("c", str.strip, str.upper, "exact", ((" a", "a"),)), "exact, but write('a') is 'A'"),
    "not canonical": (Converter("c", str.strip, str.upper, "canonical", (("a", "a"),)), "read(write('a')) is 'A'"),
    "fails on a sample": (Converter("c", int, str, "exact", (("x", 1),)), "read('x') raises ValueError on a sample"),
    "fails otherwise": (
        Converter("c", lambda v: {"1": "one"}[v], lambda v: "1", "canonical", (("1", "one"),)),
        "raises KeyError; expected ValueError",
    ),
    "no samples": (Converter("c", str.upper, str.lower, "lossy", ()), "has no samples"),
}


def test_a_good_converter_passes():
    check_converter(Converter("count", int, str, "canonical", (("7", 7), ("007", 7)), "a whole number"))


@pytest.mark.parametrize(("hostile", "says"), CONVERTERS.values(), ids=CONVERTERS)
def test_a_converter_that_breaks_its_law_is_named(hostile, says):
    with pytest.raises(NotConforming) as caught:
        check_converter(hostile)
    assert says in str(caught.value)
