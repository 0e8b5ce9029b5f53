"""Every file of clients' rows, in both years: read, written anew, put back; and from one year to the other."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from casebridge_hmis.row_ids import ROW_IDS
from casebridge_hmis.spec import FY2024, FY2026, PARENTS

from casebridge.core.case import records_of, validate_record
from casebridge.core.released import _issue
from casebridge.mapping import OwnIds, load_set, with_converters

MAPPINGS = Path(__file__).parents[3] / "mappings"
YEARS = pytest.mark.parametrize("spec", [FY2026, FY2024], ids=lambda spec: spec.title)
FILES = ("Organization", "Project", "User", "Client", "Enrollment", "Services", "IncomeBenefits", "HealthAndDV",
         "Disabilities", "CurrentLivingSituation", "EmploymentEducation", "YouthEducationStatus", "Assessment",
         "Event")  # fmt: skip
LOST = {"ExportID"}
EXIT = {"ExitID", "DateCreated", "DateUpdated", "UserID"}
"""The exit's own record-keeping has no room; the writer makes it anew."""


@pytest.fixture(scope="module")
def sets():
    known = with_converters(ROW_IDS)
    return {spec: load_set(f"hmis-{spec.year}", [MAPPINGS], converters=known) for spec in (FY2026, FY2024)}


@pytest.fixture(scope="module")
def natives(making, codec, codec_2024):
    """``natives[spec]``: a made-up export of the year as records."""
    formats = {FY2026: codec, FY2024: codec_2024}
    return {spec: list(format_().parse(export_of(making, spec), {})) for spec, format_ in formats.items()}


def export_of(making, spec):
    return making.zip_of(making.files_of(making.make_export(9, seed=3, spec=spec), spec=spec))


def of_file(natives, spec, file):
    found = [n for n in natives[spec] if n.type == f"{spec.format}/{file}"]
    assert found
    return found


def row(native) -> dict:
    """What a record says by itself: without parents, blanks and what only its sender knows."""
    parents = PARENTS.get(native.type.partition("/")[2], {})
    return plain({k: v for k, v in native.data.items() if k not in parents})


def plain(data, lost=LOST):
    if isinstance(data, list):
        return [plain(item, lost) for item in data]
    if not isinstance(data, dict):
        return data
    found = {k: plain(v, lost | EXIT if k == "exit" else lost) for k, v in data.items() if k not in lost}
    return {k: v for k, v in found.items() if v not in ("", [], {})}


@YEARS
@pytest.mark.parametrize("file", FILES)
def test_read_it_is_a_valid_record_and_nothing_is_left_over(sets, natives, spec, file):
    for native in of_file(natives, spec, file):
        read = sets[spec].for_native(native.type, native.data).read(native.data)
        records = records_of(read.slice)
        assert len(records) == 1
        for kind, _, record in records:
            validate_record(kind, record, native.position)
        assert {path for path in read.left_over if path.removeprefix("exit.") not in EXIT} <= {"SSNDataQuality"}


@YEARS
@pytest.mark.parametrize("file", FILES)
def test_written_anew_it_says_the_same(sets, natives, spec, file):
    for native in of_file(natives, spec, file):
        map_ = sets[spec].for_native(native.type, native.data)
        written = map_.write(map_.read(native.data).slice, OwnIds()).data
        assert plain(written) == row(native)


@YEARS
@pytest.mark.parametrize("file", FILES)
def test_put_back_nothing_changes(sets, natives, spec, file):
    for native in of_file(natives, spec, file):
        map_ = sets[spec].for_native(native.type, native.data)
        assert map_.write(map_.read(native.data).slice, OwnIds(), native.data).data == native.data


@YEARS
@pytest.mark.parametrize(("file", "change", "column", "value"), [
    ("Client", {"characteristics": [{"code": "veteran", "value": "yes"}]}, "VeteranStatus", "1"),
    ("HealthAndDV", {"items": [{"code": "fleeing", "value": {"absent": "asked-declined"}}]}, "CurrentlyFleeing", "9"),
    ("Disabilities", {"stage": "annual"}, "DataCollectionStage", "5"),
    ("IncomeBenefits", {"items": [{"code": "snap", "value": "yes"}]}, "SNAP", "1"),
    ("Assessment", {"outcome": "not-on-the-list"}, "PrioritizationStatus", "2"),
    ("CurrentLivingSituation", {"note": "moved to the bridge"}, "LocationDetails", "moved to the bridge"),
])  # fmt: skip
def test_a_change_goes_to_its_column_and_the_sender_keeps_the_rest(sets, natives, spec, file, change, column, value):
    native = of_file(natives, spec, file)[0]
    map_ = sets[spec].for_native(native.type, native.data)
    slice_ = map_.read(native.data).slice
    (record,) = slice_.values()
    for name, said in change.items():
        codes = {item["code"] for item in said} if isinstance(said, list) else set()
        record[name] = [i for i in record[name] if i["code"] not in codes] + said if codes else said
    written = map_.write(slice_, OwnIds(), native.data).data
    assert {k for k in written if written[k] != native.data.get(k)} == {column}
    assert written[column] == value


# --- a whole export ------------------------------------------------------------------------------------------------


def rendered(sets, codec, natives, source, target, morning):
    """The export of ``source`` through the case model as one of ``target``, every record written anew."""
    documents = []
    for native in natives[source]:
        file = native.type.partition("/")[2]
        if file != "Export":
            slice_ = sets[source].for_native(native.type, native.data).read(native.data).slice
            (kind,) = {kind for kind, _, _ in records_of(slice_)}
            (map_,) = (m for m in sets[target].writing(kind, slice_[kind]) if m.other.endswith(f"/{file}"))
            documents.append(
                _issue(document=map_.write(slice_, OwnIds()).data, recipient="hmis", purpose="hmis", policy="1",
                       native_type=map_.other))  # fmt: skip
    (file,) = codec().render(documents, morning)
    return io.BytesIO(file.data)


def rows(found):
    return {(n.type.partition("/")[2], n.external_id): row(n) for n in found if not n.type.endswith("Export")}


@YEARS
def test_a_whole_export_comes_back_through_the_case_model(sets, natives, codec, codec_2024, spec, morning):
    format_ = codec if spec is FY2026 else codec_2024
    stream = rendered(sets, format_, natives, spec, spec, morning)
    back = list(format_(strict=True).parse(stream, {}))
    ours = ("User", "casebridge")
    assert {key: said for key, said in rows(back).items() if key != ours} == rows(natives[spec])


def test_from_fy2024_to_fy2026_all_goes_over_but_gender_and_sex_is_never_made_of_it(
    sets, natives, codec, codec_2024, morning
):
    stream = rendered(sets, codec, natives, FY2024, FY2026, morning)
    before, after = rows(natives[FY2024]), rows(codec(strict=True).parse(stream, {}))
    assert set(before) == set(after) - {("User", "casebridge")}
    for key, said in before.items():
        if key[0] == "Client":
            assert "Sex" not in after[key]
            assert after[key]["HispanicLatinao"] == said["HispanicLatinaeo"]
        else:
            assert after[key] == said


def test_the_services_of_each_year_have_their_own_list(sets):
    old = {"ServicesID": "S1", "EnrollmentID": "E1", "PersonalID": "C1", "RecordType": "152", "TypeProvided": "11"}
    read = sets[FY2024].for_native("hmis-csv-2024/Services", old).read(old)
    assert read.slice["activity"]["code"]["code"] == "emergency-supplies"
    assert "11" not in FY2026.codes("V3.4")
