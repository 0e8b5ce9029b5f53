"""The schema that maps of X12 records are checked against holds whatever the reader gives."""

from contextlib import suppress
from pathlib import Path

import pytest
from casebridge_x12.natives import NATIVES

from casebridge import Native
from casebridge.core.errors import RecordError

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def member():
    return NATIVES.element("834-member", {}, HERE)


def outside(element, value, path=""):
    """The places of ``value`` that the schema does not have, or has otherwise."""
    items = value if isinstance(value, list) else [value]
    if isinstance(value, list) != element.many:
        yield f"{path}: many"
    for item in items:
        if element.type != "group":
            yield from [] if not isinstance(item, dict) else [f"{path}: group"]
            continue
        for key, child in item.items():
            if key not in element.fields:
                yield f"{path}.{key}"
            else:
                yield from outside(element.fields[key], child, f"{path}.{key}")


def missing(element, value, path=""):
    """The required places that are not there."""
    for item in value if isinstance(value, list) else [value]:
        for key, child in element.fields.items():
            if key in item and child.type == "group":
                yield from missing(child, item[key], f"{path}.{key}")
            elif child.required and key not in item:
                yield f"{path}.{key}"


def test_every_made_up_member_fits(member, made, read):
    for native in read("".join(made.file_834(100))):
        assert list(outside(member, native.data)) == []
        assert list(missing(member, native.data)) == []


def test_every_member_of_the_samples_fits(member, samples, read):
    files = [f for f in samples.iterdir() if f.is_file() and b"ST*834" in f.read_bytes()]
    for file in files:
        usage = "prod" if b"*P*" in file.read_bytes()[:106] else "test"
        with suppress(RecordError):  # whole files that are refused are tested elsewhere
            natives = [native for native in read(file.read_bytes(), usage) if isinstance(native, Native)]
            assert [place for native in natives for place in outside(member, native.data)] == [], file.name


def test_places_say_where_the_guide_has_them(member):
    family = member.fields["2100A"].fields["NM1"].fields["03"]
    assert (family.about, family.source) == ("Member Last Name", "X12 005010X220A1 2100A NM103")


@pytest.mark.parametrize(("path", "codes"), [
    (("INS", "01"), {"N", "Y"}), (("INS", "03"), {"001", "021", "024", "025", "030"}),
    (("member",), {"subscriber", "dependent"}), (("REF", "02"), None),
    (("2100A", "DMG", "03"), None), (("2300", "HD", "03"), None),  # companion guides add codes: a warning, no more
])  # fmt: skip
def test_codes_are_closed_where_another_one_holds_the_member(member, path, codes):
    place = member
    for step in path:
        place = place.fields[step]
    assert place.codes == codes


@pytest.mark.parametrize("path", [("INS", "14"), ("2100A", "NM1", "10"), ("2300", "HD", "02"), ("2400",)])
def test_what_the_guide_does_not_use_is_no_place(member, path):
    place = member
    for step in path[:-1]:
        place = place.fields[step]
    assert path[-1] not in place.fields


@pytest.mark.parametrize("tag", ["ISA", "GS", "ST", "BGN", "1000A", "1000B", "1000C", "HEADER"])
def test_the_envelope_is_the_partners(member, tag):
    assert member.fields[tag].owner == "theirs"


def test_another_record_is_unknown():
    assert NATIVES.element("835-claim", {}, HERE) is None
