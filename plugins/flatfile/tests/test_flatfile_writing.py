"""Writing by the same layout: strict, and what was written is read again."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from casebridge_flatfile.format import FlatfileFormat
from casebridge_flatfile.layout import Column, Layout, RecordLayout
from casebridge_flatfile.render import write_file
from hypothesis import given
from hypothesis import strategies as st

from casebridge import Context, Native, Released, RenderContext
from casebridge.core.errors import RecordError
from casebridge.testing import a_context, a_release

NOW = RenderContext("01JDISPATCH", datetime(2026, 11, 21, 14, 30, tzinfo=UTC))


def shipped(name: str) -> FlatfileFormat:
    return FlatfileFormat(FlatfileFormat.Settings(layout=name), Context(partner="agency"))


def member(**values: object) -> Released:
    return a_release({"case_number": "100000001", "person_number": "01", **values}, "flatfile/member")


def test_a_fixed_width_file_gets_its_header_its_count_and_its_line_ends():
    (file,) = shipped("county-roster").render([member(last_name="Moreno", status="A"), member(person_number="02")], NOW)
    assert (file.name, file.media_type, file.records) == ("county-roster.txt", "text/plain", (0, 1))
    assert file.data.decode().split("\r\n") == [
        "H01JDISPATCH               20261121",
        "D10000000101Moreno                                     A",
        "D10000000102                                            ",
        "T000000002", "",
    ]  # fmt: skip


def test_a_csv_has_its_headings_and_what_the_layout_does_not_know_beside_them():
    one = a_release({"client_id": "K-17", "last_name": 'O"Neil, Jr', "Shoe size": "42"}, "flatfile/client")
    (file,) = shipped("agency-clients").render([one], NOW)
    headings, row, end = file.data.decode().split("\r\n")
    assert headings.startswith("Client ID,First Name,Last Name,")
    assert headings.endswith(",Left On,Shoe size")
    assert row == 'K-17,,"O""Neil, Jr",,,,,,,,,,,42'
    assert end == ""


@pytest.mark.parametrize(
    ("values", "code", "field"),
    [
        ({"last_name": "x" * 21}, "CB-382", "last_name"),
        ({"last_name": "two\nlines"}, "CB-382", "last_name"),
        ({"last_name": " blank"}, "CB-382", "last_name"),
        ({"last_name": "\x00"}, "CB-382", "last_name"),
        ({"last_name": ["a"]}, "CB-382", "last_name"),
        ({"last_name": "ŵ"}, "CB-382", ""),
        ({"status": "X"}, "CB-382", "status"),
        ({"shoe_size": "42"}, "CB-382", "shoe_size"),
        ({"person_number": ""}, "CB-302", "person_number"),
    ],
)
def test_what_does_not_fit_is_refused_and_never_cut(values, code, field):
    with pytest.raises(RecordError) as wrong:
        list(shipped("county-roster").render([member(), member(**values)], NOW))
    assert (wrong.value.code, wrong.value.field) == (code, field)
    assert wrong.value.message.startswith("record 2: ")


def test_a_delimiter_inside_a_value_is_refused_where_there_are_no_quotes():
    layout = Layout(layout="l", kind="delimited", delimiter="|", quote="", header=False, records=(
        RecordLayout(name="r", key=("a",), columns=(Column(name="a"), Column(name="b"))),))  # fmt: skip
    with pytest.raises(RecordError, match="holds the delimiter"):
        write_file(layout, [a_release({"a": "1", "b": "x|y"}, "flatfile/r")], NOW)


def test_a_record_the_layout_does_not_have_is_refused():
    with pytest.raises(RecordError, match="has no record dog"):
        list(shipped("county-roster").render([a_release({}, "flatfile/dog")], NOW))


WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufffd"),  # that is no text
                max_size=12).map(str.strip)  # fmt: skip
PLAIN = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=10).map(str.strip)


def layouts(kind: str, **more: Any) -> Layout:
    places = [{"start": 2, "length": 12}, {"start": 14, "length": 12}, {"start": 30, "length": 12}]
    columns = tuple(Column(name=n, **(p if kind == "fixed" else {})) for n, p in zip("abc", places, strict=True))
    data = RecordLayout(name="row", key=("a",), unique=False, columns=columns, code="D" if kind == "fixed" else "")
    return Layout(layout="l", kind=kind, records=(data,), **more)


def back(layout: Layout, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    form = FlatfileFormat.__new__(FlatfileFormat)
    form.layout, form.context = layout, a_context()
    data = write_file(layout, [a_release(row, "flatfile/row") for row in rows], NOW)
    found = list(form.parse(io.BytesIO(data), {}))
    assert all(isinstance(n, Native) for n in found), found
    return [n.data for n in found if isinstance(n, Native)]


@given(st.lists(st.fixed_dictionaries({"a": WORDS.filter(bool), "b": WORDS, "c": WORDS}), max_size=5))
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("header", [True, False])
def test_what_is_written_delimited_is_read_again(delimiter, header, rows):
    layout = layouts("delimited", delimiter=delimiter, header=header)
    assert back(layout, rows) == [{k: v for k, v in row.items() if v} for row in rows]


@given(st.lists(st.fixed_dictionaries({"a": WORDS.filter(bool), "b": WORDS, "c": WORDS}), max_size=5))
def test_what_is_written_fixed_is_read_again(rows):
    assert back(layouts("fixed"), rows) == [{k: v for k, v in row.items() if v} for row in rows]


@given(st.lists(st.fixed_dictionaries({"a": PLAIN.filter(bool), "b": PLAIN}), min_size=1, max_size=5), st.data())
def test_a_file_cut_anywhere_is_refused_where_there_is_a_trailer(rows, data):
    tail = RecordLayout(name="tail", role="trailer", code="T", count="n", columns=(
        Column(name="n", start=2, length=6, align="right", pad="0", fill="count"), Column(name="end", start=8, length=1,
        constant="*", required=True)))  # fmt: skip
    layout = layouts("fixed")
    layout = layout.model_copy(update={"records": (*layout.records, tail)})
    form = FlatfileFormat.__new__(FlatfileFormat)
    form.layout, form.context = layout, a_context()
    whole = write_file(layout, [a_release(row, "flatfile/row") for row in rows], NOW)
    cut = whole[: data.draw(st.integers(0, len(whole) - 4))]
    with pytest.raises(RecordError):
        next(form.parse(io.BytesIO(cut), {}))


def test_the_shipped_layouts_write_what_they_read(tmp_path: Path):
    row = {"client_id": "K-17", "first_name": "Ada", "birth_date": "02/20/1987", "zip": "01001"}
    form = shipped("agency-clients")
    (file,) = form.render([a_release(row, "flatfile/client")], NOW)
    (native,) = form.parse(io.BytesIO(file.data), {})
    assert isinstance(native, Native)
    assert native.data == row
