"""Zips that say two things, or are packed to cost us more than they cost their sender: refused before they are read."""

from __future__ import annotations

import io
import struct
import tracemalloc
import warnings
import zipfile
from time import process_time

import pytest

from casebridge.core.errors import RecordError


def refused(codec, stream, **settings) -> RecordError:
    """Raised before anything is yielded; nothing is screened either."""
    with pytest.raises(RecordError) as caught:
        next(codec(**settings).parse(stream, {}))
    with pytest.raises(RecordError):
        codec(**settings).screen(stream, io.BytesIO())
    return caught.value


@pytest.fixture
def files(making):
    return making.files_of(making.make_export(2))


def zip_of(entries, compression=zipfile.ZIP_DEFLATED):
    """A zip of (name, bytes), a name as often as it stands there."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", compression) as target:
        warnings.simplefilter("ignore")  # "Duplicate name"
        for name, data in entries:
            target.writestr(name, data)
    return buffer


@pytest.mark.parametrize("again", ["Services.csv", "services.CSV", "Client.csv", "Affiliation.csv"])
@pytest.mark.parametrize("folder", ["", "export/"])
def test_a_file_that_is_there_twice_cannot_be_told_apart(files, codec, again, folder):
    files["Affiliation.csv"] = b"AffiliationID\r\n"
    there = [(folder + name, data) for name, data in [*files.items(), (again, b"PersonalID\r\n")]]
    error = refused(codec, zip_of(there))
    assert error.code == "CB-303"
    assert error.position.file.lower() == again.lower()
    assert "twice" in str(error)


def test_so_is_another_one_that_would_be_carried_through(files, codec):
    error = refused(codec, zip_of([*files.items(), ("Notes.txt", b"a"), ("Notes.txt", b"b")]))
    assert (error.code, "twice" in str(error)) == ("CB-303", True)


def test_the_same_file_in_another_folder_or_a_file_without_ending_is_no_second_one(files, codec):
    found = list(codec().parse(zip_of([*files.items(), ("old/Client.csv", b"PersonalID\r\n"), ("Client", b"x")]), {}))
    assert [n.external_id for n in found if n.type == "hmis-csv/Client"] == ["C1", "C2"]


# --- headers -------------------------------------------------------------------------------------------------------


def with_header(files, file, change):
    """The files with one's first line changed."""
    head, _, rest = files[f"{file}.csv"].partition(b"\r\n")
    return zip_of((files | {f"{file}.csv": change(head) + b"\r\n" + rest}).items())


def test_a_file_without_its_header_names_columns_and_no_person(making, codec):
    export = making.make_export(2)
    export["Client"][0].update(FirstName="James", LastName="James")
    files = making.files_of(export)
    files["Client.csv"] = files["Client.csv"].partition(b"\r\n")[2]
    error = refused(codec, zip_of(files.items()))
    assert (error.code, error.field) == ("CB-332", "PersonalID")
    assert "James" not in repr(vars(error))


@pytest.mark.parametrize(("names", "field"), [
    (b"FirstName,Ada,Ada", "FirstName"), (b"Ada,Ada", ""), (b",", ""), (b"DOB,firstname,Ada", "DOB, FirstName"),
])  # fmt: skip
def test_of_columns_that_stand_twice_only_those_of_the_specification_are_named(files, codec, names, field):
    error = refused(codec, with_header(files, "Client", lambda head: head + b"," + names))
    assert (error.code, error.field, "stands twice" in str(error)) == ("CB-332", field, True)
    assert "Ada" not in str(error)


# --- cheap to send, dear to read -----------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["Event", "Export"])
def test_a_header_of_many_columns(files, codec, file):
    stream = with_header(files, file, lambda head: head + b"".join(b",c%d" % n for n in range(100_000)))
    before = process_time()
    error = refused(codec, stream)
    assert (error.code, error.position.file) == ("CB-304", f"{file}.csv")
    assert process_time() - before < 2


def test_a_line_without_end(files, codec):
    files["Event.csv"] += b"x" * 3_000_000
    tracemalloc.start()
    error = refused(codec, zip_of(files.items(), zipfile.ZIP_STORED))
    assert (error.code, error.position.file) == ("CB-304", "Event.csv")
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()


def test_a_row_without_end_is_held_and_the_next_ones_are_read(files, codec):
    head, _, rest = files["Client.csv"].partition(b"\r\n")
    endless = b'C9,"a\r\n' + b'","b\r\n' * 700_000
    stream = zip_of((files | {"Client.csv": head + b"\r\n" + endless + rest}).items(), zipfile.ZIP_STORED)
    found = list(codec().parse(stream, {}))
    clients = [n.external_id for n in found if getattr(n, "type", "") == "hmis-csv/Client"]
    first = next(e for e in found if isinstance(e, RecordError))
    assert clients == ["C1", "C2"]
    assert (first.code, first.position.row) == ("CB-301", 2)
    assert "were read as one row" in str(first)


def test_rows_of_export_csv_are_not_gathered(making, codec):
    export = making.make_export(1)
    files = making.files_of(export)
    (row,) = files["Export.csv"].split(b"\r\n")[1:-1]
    files["Export.csv"] += b"".join(row.replace(b"EX-1", b"EX-%d" % n) + b"\r\n" for n in range(30_000))
    stream = zip_of(files.items())
    codec().identity(stream)
    tracemalloc.start()
    assert codec().identity(stream) == "EX-29999"
    assert tracemalloc.get_traced_memory()[1] < 6 << 20
    tracemalloc.stop()


def test_a_row_of_export_csv_that_cannot_be_read_is_told(making, codec):
    files = making.files_of(making.make_export(1))
    files["Export.csv"] += b"EX-2,too short\r\n"
    found = list(codec().parse(zip_of(files.items()), {}))
    assert [(e.code, str(e.position)) for e in found if isinstance(e, RecordError)] == [("CB-301", "Export.csv, row 3")]


def test_a_list_of_files_whose_size_only_the_zip64_record_tells(codec):
    """APPNOTE 4.3.14: the record counts before the one at the end."""
    names = [b"%d" % n for n in range(20_000)]
    entry = struct.Struct("<4s4B4HL2L5H2L")
    listed = b"".join(
        entry.pack(b"PK\x01\x02", 20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, len(name), *[0] * 6) + name for name in names
    )
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, len(names), len(names), len(listed), 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(listed), 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 10, 10, 500, 0, 0)
    for comment in (b"", b"made up"):
        stream = io.BytesIO(listed + record + locator + end[:-2] + len(comment).to_bytes(2, "little") + comment)
        tracemalloc.start()
        assert refused(codec, stream).code == "CB-304"
        assert tracemalloc.get_traced_memory()[1] < 4 << 20  # it was not read
        tracemalloc.stop()


def test_a_zip64_of_usual_size_is_read(files, codec):
    """As some programs write every zip."""
    plain = zip_of(files.items()).getvalue()
    end = plain[-22:]
    count, size, start = int.from_bytes(end[10:12], "little"), *struct.unpack("<LL", end[12:20])
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(plain) - 22, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    assert codec().identity(io.BytesIO(plain[:-22] + record + locator + end)) == "EX-1"


@pytest.mark.parametrize(("flag", "why"), [
    (0x1, "password"), (0x40, "password"), (0x2000, "password"), (0x20, "packed in a way we do not read"),
])  # fmt: skip
def test_a_zip_packed_or_locked_as_we_cannot_read(files, codec, flag, why):
    """APPNOTE 4.4.4: strong encryption, a masked list of files, patched data."""
    error = refused(codec, patched(zip_of(files.items()), b"PK\x01\x02", 8, flag.to_bytes(2, "little")))
    assert (error.code, why in str(error)) == ("CB-303", True)


def test_a_name_before_the_data_that_is_no_utf_8(files, codec):
    stream = patched(zip_of(files.items()), b"PK\x03\x04", 6, (0x800).to_bytes(2, "little"))
    assert refused(codec, patched(stream, b"PK\x03\x04", 30, b"\xff\xff")).code == "CB-303"


def patched(stream, sign: bytes, at: int, data: bytes) -> io.BytesIO:
    """A zip with the same bytes in every record of a kind."""
    found, here = bytearray(stream.getvalue()), -1
    while (here := found.find(sign, here + 1)) >= 0:
        found[here + at : here + at + len(data)] = data
    return io.BytesIO(bytes(found))
