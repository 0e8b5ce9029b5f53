"""Quotation marks that are not closed or not doubled (RFC 4180, 2.7): the rows they spoil are held, none disappears."""

from __future__ import annotations

import io

import pytest

LIVING = "CurrentLivingSituation"
PLACE = b"by the river"


def spoilt(making, change, file, clients):
    """A made-up export whose rows of one file are changed, and what came of it: ids, and errors as text."""
    files = making.files_of(making.make_export(clients))
    lines = files[f"{file}.csv"].split(b"\r\n")
    change(lines)
    files[f"{file}.csv"] = b"\r\n".join(lines)
    return making.zip_of(files)


def of(natives, file):
    return [n.external_id.rpartition("/")[2] for n in natives if n.type == f"hmis-csv/{file}"]


def told(errors, file):
    return [str(e) for e in errors if e.position.file == f"{file}.csv"]


def opened(lines, number, text):
    lines[number - 1] = lines[number - 1].replace(text, b'"' + text)


def quoted(lines, number, text):
    lines[number - 1] = lines[number - 1].replace(text, b'"' + text + b'"')


def test_a_mark_open_in_the_last_column_holds_the_lines_it_swallowed(making, read):
    natives, errors = read(spoilt(making, lambda lines: opened(lines, 3, b"EX-1"), "Client", 4))
    assert of(natives, "Client") == ["C1"]
    (said,) = told(errors, "Client")
    assert "Client.csv, row 3: the row cannot be read: a quotation mark is not closed" in said
    assert "lines 3 to 5 were read as one row" in said


def test_a_mark_that_the_same_column_closes_further_down_holds_the_lines_between(making, read):
    def spoil(lines):
        opened(lines, 3, PLACE)
        quoted(lines, 5, PLACE)

    whole = of(read(making.zip_of(making.files_of(making.make_export(12))))[0], LIVING)
    natives, errors = read(spoilt(making, spoil, LIVING, 12))
    assert of(natives, LIVING) == [key for key in whole if key not in whole[1:4]]
    (said,) = told(errors, LIVING)
    assert "lines 3 to 5 were read as one row" in said
    assert all(n.data["LocationDetails"] in ("by the river", "") for n in natives if n.type.endswith(LIVING))


@pytest.mark.parametrize("name", [b'"O"Dell"', b'"Al "Big Al" B"', b'"Ann" '])
def test_a_value_with_a_mark_that_is_not_doubled_is_held_not_changed(making, read, name):
    def spoil(lines):
        values = lines[2].split(b",")
        lines[2] = b",".join([values[0], name, *values[2:]])

    natives, errors = read(spoilt(making, spoil, "Client", 3))
    assert of(natives, "Client") == ["C1", "C3"]
    (said,) = told(errors, "Client")
    assert "Client.csv, row 3: the row cannot be read: a quotation mark is not closed or not doubled (CB-301)" in said


@pytest.mark.parametrize(("written", "name"), [
    (b'"O""Dell"', 'O"Dell'), (b'O"Dell', 'O"Dell'), (b'"Two\r\nlines, here"', "Two\r\nlines, here"), (b'""', ""),
])  # fmt: skip
def test_marks_that_are_in_order_are_read(making, read, written, name):
    def spoil(lines):
        values = lines[2].split(b",")
        lines[2] = b",".join([values[0], written, *values[2:]])

    natives, errors = read(spoilt(making, spoil, "Client", 3))
    assert (of(natives, "Client"), errors) == (["C1", "C2", "C3"], [])
    assert [n.data["FirstName"] for n in natives if n.type == "hmis-csv/Client"][1] == name


def test_of_a_long_file_no_more_is_swallowed_than_a_value_may_be_long_and_all_of_it_is_told(making, read):
    export = making.make_export(3000)
    for client in export["Client"]:
        client.update(FirstName="Ada", LastName="Lo")  # nothing else is quoted
    files = making.files_of(export)
    files["Client.csv"] = files["Client.csv"].replace(b"EX-1", b'"EX-1', 1)
    natives, errors = read(making.zip_of(files))
    found, (said,) = of(natives, "Client"), told(errors, "Client")
    swallowed = 3000 - len(found)
    assert 1000 < swallowed < 2000
    assert found == [f"C{n}" for n in range(swallowed + 1, 3001)]
    assert f"lines 2 to {swallowed + 1} were read as one row" in said


def test_a_screened_export_tells_of_the_same_rows(making, codec, read):
    export = making.make_export(4, vsp=True)
    files = making.files_of(export)
    lines = files["Services.csv"].split(b"\r\n")
    lines[1] = lines[1].replace(b"EX-1", b'"EX"-1')
    files["Services.csv"] = b"\r\n".join(lines)
    out = io.BytesIO()
    assert codec().screen(making.zip_of(files), out)
    (said,) = told(read(out)[1], "Services")
    assert said.startswith("Services.csv, row 2: ")
