"""Delimiters, encodings, wrapping and chunks: however the bytes come, the segments are the same."""

import io

import pytest
from casebridge_x12.reader import decode, raw_segments, segments
from hypothesis import given
from hypothesis import strategies as st

from casebridge.core.errors import RecordError

SMALL = ["BGN*00*1*20261101*0600****2", "REF*0F*ISA*ISAACSON"]


def elements(data, **options):
    raw = data.encode() if isinstance(data, str) else data
    return [segment.elements for segment in segments(io.BytesIO(raw), **options)]


@pytest.fixture(scope="module")
def plain(file_of):
    return file_of(*SMALL, header=[])


STYLES = [
    {"element": "|"},
    {"element": "|", "terminator": "\n", "line": ""},
    {"element": "\x1d", "terminator": "\x1c", "component": "\x1f", "line": ""},
    {"terminator": "\r", "line": "\n"},
    {"line": "\r\n"},
    {"line": ""},
    {"line": " \n"},
    {"repetition": "U"},
    {"component": "\\", "repetition": "!"},
]


def body(found):
    return found[1:]  # the ISA names its own separators


@pytest.mark.parametrize("style", STYLES, ids=repr)
def test_separators_come_from_the_isa_by_position(file_of, plain, style):
    assert body(elements(file_of(*SMALL, header=[], **style))) == body(elements(plain))


def test_segment_1_is_the_isa(plain):
    assert [(s.number, s.elements[0]) for s in segments(io.BytesIO(plain.encode()))] == [
        (1, "ISA"), (2, "GS"), (3, "ST"), (4, "BGN"), (5, "REF"), (6, "SE"), (7, "GE"), (8, "IEA"),
    ]  # fmt: skip


@pytest.mark.parametrize("width", [80, 60, 200])
def test_lines_wrapped_at_a_width_read_as_one(file_of, plain, width):
    whole = file_of(*SMALL, header=[], line="")
    wrapped = "\r\n".join(whole[i : i + width] for i in range(0, len(whole), width))
    assert elements(wrapped) == elements(plain)


@pytest.mark.parametrize("around", ["\ufeff{}", "\r\n\r\n{}", "{}\r\n\x1a", "\ufeff\n{}\n\n\x00\x00"])
def test_marks_and_blanks_around_the_interchange_are_nothing(plain, around):
    assert elements(around.format(plain)) == elements(plain)


def test_several_interchanges_each_with_its_own_separators(file_of, plain):
    other = file_of(*SMALL, header=[], control="000000002", element="|", terminator="\n", line="")
    both = elements(plain + other + "\ufeff" + plain)
    assert both == elements(plain) + elements(other) + elements(plain)
    assert len(both) == 24


def test_the_last_terminator_may_be_missing(plain):
    assert elements(plain.rstrip("\n~")) == elements(plain)


ENCODINGS = [
    (b"NM1*IL*1*MU\xc3\x91OZ", "NM1*IL*1*MUÑOZ", "utf-8"),
    (b"NM1*IL*1*MU\xd1OZ", "NM1*IL*1*MUÑOZ", "cp1252"),
    (b"NM1*IL*1*O\x92NEIL", "NM1*IL*1*O’NEIL", "cp1252"),
    (b"NM1*IL*1*\x8d\xd1", "NM1*IL*1*\x8dÑ", "latin-1"),
    (b"NM1*IL*1*DOE", "NM1*IL*1*DOE", "utf-8"),
]


@pytest.mark.parametrize(("raw", "text", "encoding"), ENCODINGS)
def test_a_segment_is_utf_8_else_cp1252_else_latin_1(raw, text, encoding):
    assert decode(raw) == (text, encoding)


@given(data=st.data())
def test_chunk_boundaries_never_change_the_result(file_of, data):
    names = st.text(st.characters(codec="utf-8", exclude_characters="*~:^\r\n\x1a\x00 \t", exclude_categories=["Cc"]))
    style = data.draw(st.sampled_from([{}, *STYLES]))
    name = data.draw(names)
    segment = f"NM1*IL*1*{name}".replace(style.get("element", "|"), "")
    segment = segment if style.get("component") != "\\" else segment.replace("!", "")
    text = file_of(*SMALL, segment, header=[], **style) + file_of(*SMALL, header=[], control="000000002")
    assert elements(text, chunk=data.draw(st.integers(1, 300))) == elements(text)


class Dripping(io.BytesIO):
    """A stream that gives one byte at a time, as a slow socket may."""

    def read(self, size=-1):
        return super().read(min(size, 1))


def test_a_stream_may_give_less_than_asked_for(plain):
    assert [s.elements for s in segments(Dripping(plain.encode()))] == elements(plain)


@pytest.mark.parametrize("chunk", [500, 1 << 18])
def test_a_segment_with_an_end_may_be_too_long_as_well(plain, chunk):
    long = plain.replace("BGN*", f"BGN*{'x' * 3000}*").encode()
    assert len(list(raw_segments(io.BytesIO(long), chunk=chunk, limit=3100))) == 8
    with pytest.raises(RecordError, match="CB-304") as caught:
        list(raw_segments(io.BytesIO(long), chunk=chunk, limit=3000))
    assert caught.value.position.segment == 4


def test_a_segment_without_an_end_is_refused_before_it_fills_the_memory(plain):
    endless = plain.split("~\nBGN")[0].encode() + b"x" * 5000

    class Counting(io.BytesIO):
        taken = 0

        def read(self, size=-1):
            found = super().read(size)
            Counting.taken += len(found)
            return found

    with pytest.raises(RecordError, match="segment is too long") as caught:
        list(raw_segments(Counting(endless + b"x" * 10_000_000), chunk=1000, limit=3000))
    assert caught.value.code == "CB-304"
    assert Counting.taken < 10_000
