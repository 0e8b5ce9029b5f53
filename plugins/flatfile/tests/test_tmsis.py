"""T-MSIS: the segments of a person become one record, whatever their order; nobody is read by halves."""

import io
import random
import sys
import tracemalloc
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from casebridge_flatfile.dates import DATE_US
from casebridge_flatfile.natives import NATIVES
from casebridge_flatfile.tmsis import TmsisFormat, TmsisSettings

from casebridge import Context, Native
from casebridge.core.case import records_of, validate_record
from casebridge.core.errors import Held, RecordError, SetupError
from casebridge.mapping import load_set, with_converters
from casebridge.testing import check_format

HERE = Path(__file__).parent
MAPS = HERE.parents[2] / "mappings"


def _made():
    spec = spec_from_file_location("make_tmsis", HERE / "make_tmsis.py")
    module = sys.modules["make_tmsis"] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


made = _made()


def tmsis(environment="test", **settings):
    return TmsisFormat(TmsisSettings(**settings), Context("state", environment))


def read(*rows, environment="test"):
    data = "".join([made.header(), *rows]).encode()
    return list(tmsis(environment).parse(io.BytesIO(data), {}))


@pytest.fixture(scope="module")
def maps():
    return load_set("tmsis", [MAPS], converters=with_converters([DATE_US]))


ONE = [made.primary(1, "MS1"), made.variable(1, "MS1"), made.contact(1, "MS1"), made.determinants(1, "MS1"),
       made.enrollment(1, "MS1")]  # fmt: skip


def test_all_segments_of_a_person_are_one_record():
    (record,) = read(*ONE)
    assert (record.type, record.external_id) == ("tmsis/eligibility", "MS1")
    assert set(record.data) == {
        "msis_identification_num", "primary", "variable", "contact", "determinants", "enrollment"
    }  # fmt: skip
    assert record.data["primary"]["eligible_last_name"] == "BROWN"
    assert len(record.data["enrollment"]) == 1


def test_the_order_of_the_rows_does_not_matter():
    rows = [*ONE, *(row.replace("MS1", "MS2") for row in ONE)]
    expected = [(r.external_id, r.data) for r in read(*rows)]
    random.Random(7).shuffle(rows)
    assert [(r.external_id, r.data) for r in read(*rows)] == expected
    assert [id_ for id_, _ in expected] == ["MS1", "MS2"]


def test_the_newest_demographics_count_and_the_older_ones_are_kept():
    (record,) = read(
        made.primary(1, "MS1", "NEW", since="20260101"), made.primary(2, "MS1", "OLD", since="20240101")
    )
    assert record.data["primary"]["eligible_last_name"] == "NEW"
    assert [p["eligible_last_name"] for p in record.data["earlier"]["primary"]] == ["OLD"]


def test_an_open_end_and_a_filler_are_nothing():
    (record,) = read(made.primary(1, "MS1"), made.variable(1, "MS1", ssn="999999999"), made.enrollment(1, "MS1"))
    assert "enrollment_end_date" not in record.data["enrollment"][0]
    assert "ssn" not in record.data["variable"]


def test_segments_that_are_not_read_are_passed_over():
    (record,) = read(*ONE, "ELG00016|36|1|MS1|002\r\n", "ELG00022|36|1|MS1|2|x\r\n")
    assert "race" not in str(record.data)


BAD = [
    ("a date that is none", made.enrollment(9, "MS2", begin="2025-01-01"), "enrollment_eff_date", "CB-301"),
    ("no record number", made.enrollment(9, "MS2").replace("|9|", "||", 1), "record_number", "CB-302"),
    ("an ssn that is none", made.variable(9, "MS2", ssn="12345"), "ssn", "CB-301"),
]


@pytest.mark.parametrize(("bad", "field", "code"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_a_person_with_a_bad_row_is_not_read_by_halves(bad, field, code):
    error, record = read(*ONE, made.primary(2, "MS2"), bad)
    assert (error.code, error.field, error.external_id) == (code, field, "MS2")
    assert (record.external_id, type(record)) == ("MS1", Native)


@pytest.mark.parametrize("bad", ["ELG00021|36|9\r\n", "ELG00099|36|9|MS2\r\n", "ELG00002|36|9||A|B||||||||\r\n"])
def test_a_row_of_nobody_is_an_error_of_its_own(bad):
    error, record = read(*ONE, bad)
    assert isinstance(error, RecordError)
    assert record.external_id == "MS1"


def test_a_states_social_security_numbers_are_never_ids():
    with pytest.raises(RecordError, match="CB-303"):
        list(tmsis().parse(io.BytesIO((made.header(ssn_indicator="1") + ONE[0]).encode()), {}))


def test_a_test_file_stays_out_of_production():
    with pytest.raises(Held, match="CB-508"):
        read(*ONE, environment="prod")


def test_a_file_without_its_header_is_refused():
    with pytest.raises(RecordError, match="CB-303"):
        list(tmsis().parse(io.BytesIO("".join(ONE).encode()), {}))


def test_the_file_says_which_it_is():
    data = (made.header(sequence="0002") + ONE[0]).encode()
    assert tmsis().identity(io.BytesIO(data)) == "flatfile:tmsis-eligible/36/ELIGIBLE/20261001/0002"


def test_writing_is_refused_clearly():
    with pytest.raises(SetupError, match="CB-101"):
        list(tmsis().render([], None))


def test_the_format_keeps_its_contract():
    check_format(TmsisFormat, ["".join(made.file_tmsis(5)).encode()])


def test_memory_does_not_grow_with_the_file(tmp_path):
    file = tmp_path / "big.txt"
    with file.open("w", newline="") as out:
        out.writelines(made.file_tmsis(4_000))
    tracemalloc.start()
    with file.open("rb") as stream:
        count = sum(isinstance(r, Native) for r in tmsis().parse(stream, {}))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 4_000
    assert peak < 3 << 20  # 20,000 rows as dicts would take some 12 MB


# --- the map ---------------------------------------------------------------------------------------------------


def test_every_made_up_person_becomes_records_the_case_model_takes(maps):
    data = "".join(made.file_tmsis(60)).encode()
    natives = list(tmsis().parse(io.BytesIO(data), {}))
    assert len(natives) == 60
    for native in natives:
        slice_ = maps.for_native(native.type, native.data).read(native.data).slice
        for kind, _, record in records_of(slice_):
            validate_record(kind, record)


@pytest.mark.parametrize(("code", "scope"), [("1", "full"), ("2", "emergency"), ("6", "family-planning"), ("A", "A")])
def test_what_somebody_is_eligible_for_is_said(maps, code, scope):
    (native,) = read(made.primary(1, "MS1"), made.determinants(1, "MS1", scope=code))
    found = maps.for_native(native.type, native.data).read(native.data).slice["participation"]
    assert (found["line"], found["status"], found["scope"]) == ("eligibility", "eligible", scope)


def test_the_schema_holds_what_is_read():
    schema = NATIVES[1].element("eligibility", {}, HERE)
    natives = read(*ONE, made.primary(2, "MS1", since="20240101"))
    for native in natives:
        for name, value in native.data.items():
            place = schema.fields[name]
            assert place.many == isinstance(value, list)
            for each in value if isinstance(value, list) else [value]:
                assert not isinstance(each, dict) or set(each) <= set(place.fields)


def test_a_states_own_layout_may_name_other_columns(tmp_path):
    shipped = (HERE.parent / "casebridge_flatfile" / "layouts" / "tmsis-eligible.yaml").read_text()
    lines = [line for line in shipped.splitlines() if "ELG084" not in line and "ELG096" not in line]
    (tmp_path / "ours.yaml").write_text("\n".join(lines))
    schema = NATIVES[1].element("eligibility", {"layout": "ours"}, tmp_path)
    assert "medicaid_basis_of_eligibility" not in schema.fields["determinants"].fields
    assert "restricted_benefits_code" in schema.fields["determinants"].fields
