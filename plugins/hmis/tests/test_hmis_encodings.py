"""Bytes that are no UTF-8: each of them is read by itself, and what did not change goes back with its very bytes."""

from __future__ import annotations

import io
import zipfile

import pytest

from casebridge import Native


def with_names(making, *names: bytes, mark: bytes = b""):
    """An export whose clients C1, C2 .. have these bytes as first and last names in turns."""
    export = making.make_export((len(names) + 1) // 2)
    for number, client in enumerate(export["Client"]):
        client.update(FirstName=f"<{2 * number}>", LastName=f"<{2 * number + 1}>")
    files = making.files_of(export)
    for number, name in enumerate(names):
        files["Client.csv"] = files["Client.csv"].replace(b"<%d>" % number, name)
    files["Client.csv"] = mark + files["Client.csv"]
    return files


def names_in(natives):
    clients = [n.data for n in natives if n.type == "hmis-csv/Client"]
    return [c[column] for c in clients for column in ("FirstName", "LastName")]


MIXED = {
    "one value in a UTF-8 file": ([b"Jos\xc3\xa9", b"Mu\xc3\xb1oz", b"Ada", b"Hadd\xe0d"], "José Muñoz Ada Haddàd"),
    "in one row": ([b"Jos\xc3\xa9", b"Hadd\xe0d"], "José Haddàd"),
    "a file that is cp1252 all over": ([b"Jos\xe9", b"Mu\xf1oz", b"Ada", b"O\x92Dell"], "José Muñoz Ada O’Dell"),
    "a letter cut in two": ([b"Mu\xc3\xb1o\xc3", b"Zo\xc3\xab"], "MuñoÃ Zoë"),
    "what cp1252 does not know": ([b"A\x81", b"Zo\xc3\xab"], "A\x81 Zoë"),
    "a surrogate in UTF-8, which is none": ([b"A\xed\xa0\x80", b"Zo\xc3\xab"], "Aí\xa0€ Zoë"),
}  # fmt: skip


@pytest.mark.parametrize("what", MIXED)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["", "with a byte order mark"])
def test_one_bad_byte_spoils_no_other_name(making, read, what, mark):
    names, said = MIXED[what]
    natives, errors = read(making.zip_of(with_names(making, *names, mark=mark)))
    assert (names_in(natives), errors) == (said.split(" "), [])
    assert natives[0].data["notes"] == ["Client.csv: what is not UTF-8, read as cp1252"]


def test_a_header_in_cp1252_is_read_too(making, read):
    files = with_names(making, b"Jos\xc3\xa9", b"Li")
    lines = files["Client.csv"].split(b"\r\n")
    files["Client.csv"] = b"\r\n".join([lines[0] + b",Caf\xe9", lines[1] + b",x", b""])
    natives, errors = read(making.zip_of(files))
    client = next(n.data for n in natives if n.type == "hmis-csv/Client")
    assert (client["Café"], client["FirstName"], errors) == ("x", "José", [])


@pytest.mark.parametrize("what", MIXED)
def test_rows_that_did_not_change_keep_their_very_bytes(making, codec, what):
    files = with_names(making, *MIXED[what][0])
    stream = making.zip_of(files)
    natives = [n for n in codec().parse(stream, {}) if isinstance(n, Native)]
    assert carried(codec, stream, natives) == files["Client.csv"]


@pytest.mark.parametrize(("others", "name", "written"), [
    (b"Jos\xe9", "Muñoz", b"Mu\xf1oz"),  # a cp1252 file stays one
    (b"Jos\xc3\xa9", "Muñoz", b"Mu\xc3\xb1oz"),
    (b"Jos\xe9", "Łukasz", b"\xc5\x81ukasz"),  # cp1252 has no such letter; that row is UTF-8
])  # fmt: skip
def test_a_changed_row_is_written_as_the_file_is(making, codec, others, name, written):
    stream = making.zip_of(with_names(making, others, b"Hadd\xe0d", b"Ada", b"Li"))
    natives = [n for n in codec().parse(stream, {}) if isinstance(n, Native)]
    for native in natives:
        if native.external_id == "C2":
            native.data["LastName"] = name
    rows = carried(codec, stream, natives).split(b"\r\n")
    assert rows[1].split(b",")[1:4:2] == [others, b"Hadd\xe0d"]
    assert rows[2].split(b",")[1:4:2] == [b'"Ada"', b'"' + written + b'"']


def carried(codec, stream, natives) -> bytes:
    out = io.BytesIO()
    codec().carry(stream, natives, out)
    with zipfile.ZipFile(out) as archive:
        return archive.read("Client.csv")
