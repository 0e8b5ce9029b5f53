"""Reading delimited and fixed-width files: what comes out, and what is said when something is wrong."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from casebridge_flatfile.format import FlatfileFormat

from casebridge import Context, Native
from casebridge.core.errors import Held, RecordError, SetupError
from casebridge.testing import a_release, a_render_context

CLIENTS = """
layout: clients
kind: delimited
records:
  - name: client
    key: [id]
    columns:
      - {name: id, header: Client ID, required: true}
      - {name: family, header: Last Name}
      - {name: born, header: Born, pattern: '\\d{4}-\\d\\d-\\d\\d', expected: a date as 1987-02-20}
"""
HEADINGS = "Client ID,Last Name,Born\r\n"


@pytest.fixture
def reader(tmp_path: Path):
    """``reader(layout text)``: the format with that layout; ``reader("name")`` with a shipped one."""

    def make(layout: str = CLIENTS, suffix: str = ".yaml") -> FlatfileFormat:
        if "\n" in layout:
            (tmp_path / f"layout{suffix}").write_text(layout, encoding="utf-8")
            layout = f"layout{suffix}"
        return FlatfileFormat(FlatfileFormat.Settings(layout=layout), Context(partner="agency", base_dir=str(tmp_path)))

    return make


def read(form: FlatfileFormat, text: str | bytes) -> list[Native | RecordError]:
    data = text.encode() if isinstance(text, str) else text
    return list(form.parse(io.BytesIO(data), {}))


def good(found: list[Native | RecordError]) -> dict[str, dict]:
    return {n.external_id: n.data for n in found if isinstance(n, Native)}


def bad(found: list[Native | RecordError]) -> list[str]:
    return [e.message for e in found if isinstance(e, RecordError)]


def test_a_row_is_a_record_under_its_key(reader):
    (native,) = read(reader(), HEADINGS + "K-17,Moreno,1987-02-20\r\n")
    assert isinstance(native, Native)
    assert (native.type, native.external_id, native.order_key) == ("flatfile/client", "K-17", "K-17")
    assert native.data == {"id": "K-17", "family": "Moreno", "born": "1987-02-20"}
    assert native.position.row == 2


@pytest.mark.parametrize(
    ("about", "data"),
    [
        ("line feeds only", b"Client ID,Last Name,Born\nK-17,Moreno,\n"),
        ("a byte order mark", b"\xef\xbb\xbfClient ID,Last Name,Born\r\nK-17,Moreno,\r\n"),
        ("headings in another order and spelling", b"born, LAST  name ,client id\r\n,Moreno,K-17\r\n"),
        ("blanks round values, blank rows", HEADINGS.encode() + b"\r\n K-17 , Moreno ,\r\n,,\r\n"),
        ("the end-of-file mark of DOS", HEADINGS.encode() + b"K-17,Moreno,\r\n\x1a"),
        ("no line end at the end", HEADINGS.encode() + b"K-17,Moreno,"),
        ("quotes round everything", b'"Client ID","Last Name","Born"\r\n"K-17","Moreno",""\r\n'),
        ("empty columns more", HEADINGS.encode() + b"K-17,Moreno,,,\r\n"),
    ],
)
def test_what_old_programs_write_is_read(reader, about, data):
    assert good(read(reader(), data)) == {"K-17": {"id": "K-17", "family": "Moreno"}}


def test_a_name_in_latin_letters_of_windows_is_read(reader):
    assert good(read(reader(), HEADINGS.encode() + "K-17,Muñoz,\r\n".encode("cp1252")))["K-17"]["family"] == "Muñoz"


def test_a_byte_of_no_encoding_is_one_bad_row(reader):
    found = read(reader(), HEADINGS.encode() + b"K-17,Mu\x81oz,\r\nK-18,Abara,\r\n")
    assert list(good(found)) == ["K-18"]
    assert "row 2: the value holds characters that cannot be read [family]" in bad(found)[0]


def test_a_quoted_value_may_span_lines_and_rows_keep_their_numbers(reader):
    first, second = read(reader(), HEADINGS + 'K-17,"Moreno,\r\nthe ""younger""",\r\nK-18,Abara,\r\n')
    assert isinstance(first, Native)
    assert isinstance(second, Native)
    assert first.data["family"] == 'Moreno,\r\nthe "younger"'
    assert (first.position.row, second.position.row) == (2, 4)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("K-17,Moreno,02/20/1987", "row 2: the value is not of the expected form [born]; "
         "expected a date as 1987-02-20, found 99/99/9999"),
        (",Moreno,", "row 2: a required value is missing [id]; expected a value"),
        ("K-17,Moreno", "row 2: the row has another number of columns; expected 3 columns"),
        ("K-17,Moreno,,extra", "row 2: the row has another number of columns; expected 3 columns"),
        ('K-17,"Mor"eno,', "row 2: the row cannot be split into columns"),
        ("K-17,Mor\x07eno,", "row 2: the value holds characters that cannot be read [family]"),
    ],
)  # fmt: skip
def test_a_bad_row_is_a_message_and_the_rest_goes_on(reader, row, said):
    found = read(reader(), HEADINGS + row + "\r\nK-18,Abara,\r\n")
    assert list(good(found)) == ["K-18"]
    assert bad(found)[0].startswith(said)
    assert "Moreno" not in bad(found)[0]


def test_a_quote_never_closed_names_the_rows_it_swallowed(reader):
    found = read(reader(), HEADINGS + 'K-17,Moreno,\r\nK-18,"Abara,\r\nK-19,Okafor,\r\n')
    assert list(good(found)) == ["K-17"]
    assert bad(found)[0].startswith("row 3: the row to 4 cannot be split into columns")


def test_the_same_key_twice_is_said_and_the_first_stands(reader):
    found = read(reader(), HEADINGS + "K-17,Moreno,\r\nK-17,Other,\r\n")
    assert good(found)["K-17"]["family"] == "Moreno"
    assert bad(found) == ["row 3: the same key came before in this file [id]; expected each record once"]


@pytest.mark.parametrize(
    ("headings", "said"),
    [
        ("Client ID,Lastname,Born", "row 1: the column “Last Name” is missing; did you mean “Lastname”?"),
        ("Client ID,Last Name", "row 1: the column “Born” is missing"),
        ("Client ID,Last Name,Born,born", "row 1: the column “Born” is there 2 times"),
        ("Client ID,Last Name,Born,Note,note ,Note", "row 1: two columns would both be called Note"),
        ("Client ID,Last Name,Born,family", "row 1: two columns would both be called family"),
    ],
)
def test_wrong_headings_stop_the_file_before_the_first_record(reader, headings, said):
    rows = reader().parse(io.BytesIO(f"{headings}\r\nK-17,Moreno,,,,\r\n".encode()), {})
    with pytest.raises(RecordError) as wrong:
        next(rows)
    assert wrong.value.message.startswith(said)
    assert wrong.value.code == "CB-381"


def test_an_empty_file_with_headings_expected_is_unreadable(reader):
    with pytest.raises(RecordError, match=r"the file is empty.*CB-303"):
        read(reader(), b"")


def test_a_column_the_layout_does_not_know_is_kept(reader):
    found = read(reader(), "Client ID,Last Name,Born,Shoe size\r\nK-17,Moreno,,42\r\n")
    assert good(found)["K-17"]["Shoe size"] == "42"


def test_columns_without_a_heading_are_named_by_their_place(reader):
    found = read(reader(), "Client ID,,Last Name,Born, ,\r\nK-17,one,Moreno,,two,\r\n")
    assert good(found)["K-17"] == {"id": "K-17", "family": "Moreno", "column 2": "one", "column 5": "two"}


@pytest.mark.parametrize(("count", "code"), [(4093, None), (4094, "CB-304")])
def test_a_file_may_have_4096_columns(reader, count, code):
    headings = ",".join(["Client ID,Last Name,Born", *(f"extra {n}" for n in range(count))])
    rows = reader().parse(io.BytesIO(f"{headings}\r\nK-17,Moreno,,{',' * (count - 1)}\r\n".encode()), {})
    if code is None:
        assert len(list(rows)) == 1
    else:
        with pytest.raises(RecordError, match=r"row 1: there are too many columns; expected at most 4096.*CB-304"):
            next(rows)


def test_lines_above_the_headings_can_be_skipped(reader):
    form = reader(CLIENTS.replace("kind: delimited", "kind: delimited\nskip_lines: 2"))
    (native,) = read(form, "Report of 2026\r\n\r\n" + HEADINGS + "K-17,Moreno,\r\n")
    assert isinstance(native, Native)
    assert native.position.row == 4


def test_a_layout_in_toml_reads_the_same(reader):
    form = reader("""
layout = "clients"
kind = "delimited"
delimiter = "|"
quote = ""
header = false
[[records]]
name = "client"
key = ["id"]
columns = [{ name = "id" }, { name = "family" }]
""", ".toml")
    assert good(read(form, 'K-17|"Moreno"\n')) == {"K-17": {"id": "K-17", "family": '"Moreno"'}}


ROSTER = "\r\n".join([
    "H01JDISPATCH               20261121",
    "D10000000101Moreno              Ada            19870220A",
    "D10000000102Moreno              Tobi                   C",
    "T000000002", ""])  # fmt: skip


def test_a_fixed_width_file_with_header_and_trailer(reader):
    form = reader("county-roster")
    found = read(form, ROSTER)
    assert good(found) == {
        "100000001|01": {"case_number": "100000001", "person_number": "01", "last_name": "Moreno", "first_name": "Ada",
                         "birth_date": "19870220", "status": "A"},
        "100000001|02": {"case_number": "100000001", "person_number": "02", "last_name": "Moreno",
                         "first_name": "Tobi", "status": "C"},
    }  # fmt: skip
    assert form.identity(io.BytesIO(ROSTER.encode())) == "flatfile:county-roster/01JDISPATCH"
    assert [n.position.row for n in found if isinstance(n, Native)] == [2, 3]


def test_lines_cut_off_after_the_last_value_are_read(reader):
    cut = "\n".join(line.rstrip() for line in ROSTER.replace("C\r\n", " \r\n").splitlines())
    assert len(good(read(reader("county-roster"), cut))) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ROSTER.replace("T000000002", "T000000003"), "row 4: the trailer counts other than there are; expected 2 rec"),
        (ROSTER.replace("T000000002", "Tmany"), "row 4: the trailer counts other than there are"),
        (ROSTER.replace("T000000002\r\n", ""), "the payload: the file ends without a trailer: it may be cut off"),
        (ROSTER + "D10000000103Moreno\r\n", "row 5: there is a row after the trailer"),
        (ROSTER.replace("D10000000101", "X10000000101", 1).replace("T000000002", "T000000001"), "row 4: the trailer"),
    ],
)
def test_a_file_its_trailer_does_not_vouch_for_is_not_read_at_all(reader, text, said):
    rows = reader("county-roster").parse(io.BytesIO(text.encode()), {})
    with pytest.raises(RecordError) as wrong:
        next(rows)
    assert (wrong.value.code, wrong.value.message[: len(said)]) == ("CB-303", said)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("D10000000101", "X10000000101"), "row 2: the row begins with a code the layout does not have"),
        (("19870220A", "1987022 A"), "row 2: the value is not of the expected form [birth_date]"),
        (("D10000000101", "D1000000010X"), "row 2: the value is not of the expected form [person_number]"),
        (("19870220A", "19870220A too much"), "row 2: there is text outside the columns, at character 58"),
    ],
)
def test_a_bad_fixed_width_row_is_a_message_and_still_counts(reader, change, said):
    found = read(reader("county-roster"), ROSTER.replace(*change, 1))
    assert len(good(found)) == 1
    assert bad(found)[0].startswith(said)


MARKED = """
layout: marked
kind: delimited
header: false
environment: {column: usage, prod: P, test: T}
records:
  - {name: head, role: header, code: H, columns: [{name: usage, fill: environment}]}
  - {name: row, code: D, key: [id], columns: [{name: id}]}
"""


@pytest.mark.parametrize("text", ["H,T\nD,1\n", "H,\nD,1\n", "H,X\nD,1\n"])
def test_a_test_file_is_never_read_in_production(reader, text):
    with pytest.raises(Held, match=r"row 1: usage does not say prod.*CB-508"):
        read(reader(MARKED), text)


def test_a_file_of_our_own_environment_is_read(reader):
    assert list(good(read(reader(MARKED), "H,P\nD,1\n"))) == ["1"]


def test_a_file_that_does_not_say_what_it_is_is_not_read(reader):
    with pytest.raises(RecordError, match=r"does not begin with its header.*CB-303"):
        read(reader(MARKED), "D,1\nH,P\n")


@pytest.mark.parametrize(("environment", "code"), [("prod", b"P"), ("test", b"T")])
def test_what_we_write_says_what_it_is(reader, environment, code):
    (file,) = reader(MARKED).render([a_release({"id": "1"}, "flatfile/row")], a_render_context(environment=environment))
    assert file.data == b"H," + code + b"\r\nD,1\r\n"


def test_a_stream_that_cannot_go_back_is_read_all_the_same(reader):
    class OneWay(io.BytesIO):
        def seekable(self) -> bool:
            return False

    assert len(list(reader("county-roster").parse(OneWay(ROSTER.encode()), {}))) == 2


@pytest.mark.parametrize("end", [30, 60, 120, len(ROSTER) - 10])
def test_a_file_that_was_cut_off_has_no_identity(reader, end):
    assert reader("county-roster").identity(io.BytesIO(ROSTER[:end].encode())) is None


HEAD_COUNTS = """
layout: counted
kind: delimited
header: false
identity: [batch]
ignore: [N]
records:
  - name: head
    role: header
    code: H
    count: rows
    columns: [{name: batch, fill: dispatch}, {name: rows, fill: count}]
  - {name: row, code: D, key: [id], columns: [{name: id}]}
"""


@pytest.mark.parametrize(
    "text", ["H,7,2\nD,1\nD,2\n", "H,7,002\nD,1\nN,passed over\n", "H,7,2\n\nD,1\nX,bad\n", "H,7,0\n"]
)
def test_a_header_may_count_the_rows_bad_ones_and_passed_over_ones_too(reader, text):
    read(reader(HEAD_COUNTS), text)
    assert reader(HEAD_COUNTS).identity(io.BytesIO(text.encode())) == "flatfile:counted/7"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("H,7,2\nD,1\n", "row 1: the header counts other than there are; expected 1 records, found 9"),
        ("H,7,\nD,1\n", "row 1: the header counts other than there are"),
        ("H,7,1\nD\n", "row 2: the last row is not whole: the file may be cut off"),
        ("D,1\nH,7,1\n", "row 1: the file does not begin with its header"),
        ("H,7\nD,1\n", "row 1: the row has another number of columns"),
        ("", "row 1: the file does not begin with its header"),
    ],
)
def test_a_file_its_header_does_not_vouch_for_is_not_read_at_all(reader, text, said):
    with pytest.raises(RecordError) as wrong:
        next(reader(HEAD_COUNTS).parse(io.BytesIO(text.encode()), {}))
    assert wrong.value.message.startswith(said)
    assert reader(HEAD_COUNTS).identity(io.BytesIO(text.encode())) is None


def test_a_header_that_counts_is_written_so(reader):
    form, records = reader(HEAD_COUNTS), [a_release({"id": id_}, "flatfile/row") for id_ in ("1", "2")]
    (file,) = form.render(records, a_render_context())
    assert file.data.split(b"\r\n")[0].endswith(b",2")
    assert list(good(read(form, file.data))) == ["1", "2"]


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"D" * 2_000_000, ROSTER.encode()[:1]])
def test_identity_never_fails(reader, data):
    assert reader("county-roster").identity(io.BytesIO(data)) is None


def test_a_line_without_end_is_refused_before_it_fills_the_memory(reader):
    with pytest.raises(RecordError, match=r"a line is too long.*CB-304"):
        read(reader(), HEADINGS.encode() + b"K" * 2_000_000)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("key: [id]", "key: [ident]"), "there is no column ident"),
        (("    key: [id]\n", ""), "say in key which columns"),
        (("kind: delimited", "kind: fixed"), "needs a start after"),
        (("name: family", "name: id"), "the column id is there twice"),
        (("kind: delimited", "kind: delimited\nspeed: fast"), "speed: Extra inputs are not permitted"),
        (("kind: delimited", "kind: ["), "layout.yaml"),
        (("\\d{4}", "(\\d{4}"), "the pattern cannot be read"),
        (("kind: delimited", "kind: delimited\nidentity: [batch]"), "identity and environment name columns"),
        (("name: client", "name: client\n    code: C"), "no codes"),
        (("    key: [id]", "    key: [id]\n    count: id"), "a header or a trailer counts the records"),
        (("    key: [id]", "    key: [id]\n    prefer: {column: id, value: x}"), "prefer goes with latest"),
        (("    key: [id]", "    key: [id]\n    latest: born\n    prefer: {column: ident, value: x}"), "column ident"),
    ],
)
def test_a_wrong_layout_is_named_before_anything_is_read(reader, change, said):
    assert change[0] in CLIENTS
    with pytest.raises(SetupError) as wrong:
        reader(CLIENTS.replace(*change))
    assert wrong.value.code == "CB-380"
    assert said in wrong.value.message


def test_a_layout_that_is_not_there_names_those_that_are(reader):
    with pytest.raises(SetupError, match="the shipped ones are agency-clients, county-roster"):
        reader("nowhere")
