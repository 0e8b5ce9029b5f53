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


def parsed(text, environment="test"):
    return list(tmsis(environment).parse(io.BytesIO(text.encode()), {}))


def read(*rows, environment="test"):
    return parsed(made.whole(*rows), environment)


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


FAMILY_PLANNING = made.determinants(2, "MS1", scope="6", since="20260101", ind="0")
GROUPS = [
    ("the primary one, though it began earlier", [made.determinants(1, "MS1"), FAMILY_PLANNING], "1"),
    ("the primary one, though it stands first", [made.determinants(1, "MS1", since="20260101"), FAMILY_PLANNING], "1"),
    ("the newest primary one", [made.determinants(1, "MS1", since="20260101"), made.determinants(3, "MS1", "2")], "1"),
    ("the newest where none is primary", [FAMILY_PLANNING, made.determinants(1, "MS1", ind="")], "6"),
]


@pytest.mark.parametrize(("rows", "scope"), [g[1:] for g in GROUPS], ids=[g[0] for g in GROUPS])
@pytest.mark.parametrize("order", [1, -1])
def test_the_primary_eligibility_group_counts(rows, scope, order):
    (record,) = read(made.primary(1, "MS1"), *rows[::order])
    assert record.data["determinants"]["restricted_benefits_code"] == scope
    assert len(record.data["earlier"]["determinants"]) == 1


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
    ("a column too many", made.enrollment(9, "MS2").replace("\r\n", "|more\r\n"), "", "CB-301"),
    ("a column too few", made.enrollment(9, "MS2").replace("|\r\n", "\r\n"), "", "CB-301"),
    ("only its beginning", "ELG00021|36|9|MS2\r\n", "", "CB-301"),
    ("a code nobody knows", "ELG00099|36|9|MS2\r\n", "", "CB-301"),
]


@pytest.mark.parametrize(("bad", "field", "code"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_a_person_with_a_bad_row_is_not_read_by_halves(bad, field, code):
    error, record = read(bad, *ONE, made.primary(2, "MS2"))
    assert (error.code, error.field, error.external_id) == (code, field, "MS2")
    assert (record.external_id, type(record)) == ("MS1", Native)


NOBODY = ["ELG00021|36|9\r\n", "ELG00099|36\r\n", made.primary(9, ""), made.primary(9, "MS\x07"), "?\r\n"]


@pytest.mark.parametrize("bad", NOBODY)
def test_with_a_row_of_nobody_the_file_is_not_read_at_all(bad):
    rows = tmsis().parse(io.BytesIO(made.whole(bad, *ONE).encode()), {})
    with pytest.raises(RecordError, match=r"row 2: the row does not say whose it is.*msis_identification_num.*CB-303"):
        next(rows)


def test_a_states_social_security_numbers_are_never_ids():
    with pytest.raises(RecordError, match=r"SSN-INDICATOR is 1.*CB-303"):
        parsed(made.whole(*ONE, ssn_indicator="1"))


@pytest.mark.parametrize("kind", ["C", "R"])
def test_a_whole_file_and_its_replacement_are_read(kind):
    assert len(parsed(made.whole(*ONE, kind=kind))) == 1


@pytest.mark.parametrize("kind", ["U", "u", "", "X"])
def test_a_file_that_only_updates_another_is_held(kind):
    with pytest.raises(RecordError, match=r"SUBMISSION-TRANSACTION-TYPE is (not C or R|U).*CB-303"):
        parsed(made.whole(made.enrollment(9, "MS1"), kind=kind))


COUNTED = [
    ("fewer rows than counted", made.header(total=6), ONE, "row 1: the header counts other than there are"),
    ("more rows than counted", made.header(total=4), ONE, "row 1: the header counts other than there are"),
    ("no number", made.header(total="five"), ONE, "row 1: the header counts other than there are"),
    ("digits without end", made.header(total="5" * 5000), ONE, "row 1: the header counts other than there are"),
    ("no count", made.header(total=""), ONE, r"row 1: a required value is missing \[tot_rec_cnt\]"),
    ("two files in one", made.header(total=11), [*ONE, made.header(total=5), *ONE], "row 7: there is a second header"),
    ("cut within a row", made.header(total=5), [*ONE[:4], ONE[4][:-20]], "row 6: the last row is not whole"),
]


@pytest.mark.parametrize(("header", "rows", "said"), [c[1:] for c in COUNTED], ids=[c[0] for c in COUNTED])
def test_a_file_that_is_not_whole_is_not_read_at_all(header, rows, said):
    with pytest.raises(RecordError, match=said):
        next(tmsis().parse(io.BytesIO("".join([header, *rows]).encode()), {}))


@pytest.mark.parametrize("cut", [1, 2, 4])
def test_a_file_that_was_cut_off_has_no_identity(cut):
    text = made.whole(*ONE)
    assert tmsis().identity(io.BytesIO(text.encode()))
    assert tmsis().identity(io.BytesIO(text[: len(text) * cut // 5].encode())) is None


def test_rows_that_are_not_read_are_counted():
    assert len(parsed(made.header(total="00000000007") + "".join(ONE) + "ELG00016|36|1|MS1|002\r\n" * 2)) == 1


def test_a_test_file_stays_out_of_production():
    with pytest.raises(Held, match="CB-508"):
        read(*ONE, environment="prod")


def test_a_file_without_its_header_is_refused():
    with pytest.raises(RecordError, match="CB-303"):
        parsed("".join(ONE))


def test_the_file_says_which_it_is():
    data = made.whole(*ONE, sequence="0002").encode()
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
