"""Whatever bytes come, the format answers with records and record errors, never with another exception."""

import io
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from casebridge import Native
from casebridge.core.errors import Held, RecordError


def outcome(x12, raw):
    """The records, or the refusal; anything else escapes and fails the test."""
    try:
        return list(x12().parse(io.BytesIO(raw), {}))
    except (RecordError, Held) as refused:
        return refused


@settings(max_examples=150)
@given(raw=st.binary(max_size=400))
def test_random_bytes(x12, raw):
    assert isinstance(outcome(x12, raw), RecordError)
    assert x12().identity(io.BytesIO(raw)) is None


@settings(max_examples=300)
@given(data=st.data())
def test_a_file_with_damage_is_refused_or_its_members_are_read_or_held(x12, made, data):
    """One stretch of a good file is overwritten: refused, or as many answers as there are INS segments left."""
    raw = bytearray("".join(made.file_834(3)).encode())
    at = data.draw(st.integers(0, len(raw) - 1))
    patch = data.draw(st.binary(min_size=1, max_size=12) | st.sampled_from([b"~", b"*", b"~INS*", b":^", b"\n"]))
    raw[at : at + len(patch)] = patch
    found = outcome(x12, bytes(raw))
    if isinstance(found, list):
        assert all(isinstance(record, Native | RecordError) for record in found)
        assert len(found) == bytes(raw).translate(None, b"\r\n").count(b"~INS*")


def seconds(x12, interchanges):
    """How long it takes to look through a file of so many empty interchanges."""
    head = f"ISA*00*{' ' * 10}*00*{' ' * 10}*ZZ*{'A':<15}*ZZ*{'B':<15}*261121*0600*^*00501*"
    isa = head + "{0:09}*0*T*:~IEA*0*{0:09}~"
    raw = "".join(isa.format(n) for n in range(interchanges)).encode()
    started = time.process_time()
    assert x12().identity(io.BytesIO(raw)).startswith("sha256:")
    return time.process_time() - started


def test_many_interchanges_take_as_much_longer_as_they_are_more(x12):
    few, many = min(seconds(x12, 2000) for _ in range(3)), seconds(x12, 16_000)
    assert many < 24 * few


SEGMENT = st.lists(st.text("ABZ019*:^ ", max_size=4), min_size=1, max_size=6).map("*".join)
TAGS = ("REF", "DTP", "NM1", "PER", "N3", "N4", "DMG", "HD", "LX", "LS", "LE", "N1", "COB", "INS", "ZZZ")
TAG = st.sampled_from(TAGS)
CODE = st.sampled_from(["0F", "IL", "348", "70", "2700", "75", "Y", "N", "IP", "D8", "X", ""])


@settings(max_examples=300)
@given(segments=st.lists(st.builds("{}*{}*{}".format, TAG, CODE, SEGMENT), max_size=25))
def test_any_order_of_segments_keeps_every_segment(x12, file_of, segments):
    """What is read plus what is kept raw is what came: no segment of a member disappears."""
    member = ["INS*Y*18*021", "REF*0F*MD1", "NM1*IL*1*BROWN", *(s for s in segments if not s.startswith("INS"))]
    (record,) = outcome(x12, file_of(*member).encode())
    if isinstance(record, Native):
        assert _count({key: record.data[key] for key in record.data if key not in _AROUND}) == len(member)


_AROUND = {"ISA", "GS", "ST", "BGN", "1000A", "1000B", "1000C", "HEADER", "member_id", "member", "encoding",
           "warnings", "eligibility_id"}  # fmt: skip
_WORKED_OUT = {"coverage_id", "same_day"}


def _count(loop):
    """The segments in a loop and the loops below it."""
    total = len(loop.get("unknown", ()))
    for key, value in loop.items():
        if key in _WORKED_OUT or key == "unknown":
            continue
        for item in value if isinstance(value, list) else [value]:
            total += _count(item) if key[:1].isdigit() or (key == "LS" and "LS" in item) else 1
    return total
