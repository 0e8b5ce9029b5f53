"""A file that cannot be trusted is refused before its first member, with where, what and what to do."""

import io

import pytest

from casebridge.core.errors import Held, RecordError

MEMBER = ["INS*Y*18*021*AI*A***AC", "REF*0F*MD1", "NM1*IL*1*BROWN*JANE"]


def refusal(x12, data, environment="test"):
    """The error that parse raises before it yields anything."""
    raw = data.encode() if isinstance(data, str) else data
    records = x12(environment).parse(io.BytesIO(raw), {})
    with pytest.raises((RecordError, Held)) as caught:
        next(records)
    return caught.value


@pytest.fixture(scope="module")
def good(file_of):
    return file_of(*MEMBER)


def without(text, tag):
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(tag))


BROKEN = [
    # what is done to a good file of 14 segments, code, segment, field, words of the message
    ("empty", lambda f: "", "CB-303", None, "", "empty"),
    ("not X12", lambda f: "PersonalID,FirstName\n1,Jane\n", "CB-310", 1, "ISA", "not the beginning"),
    ("short ISA06", lambda f: f.replace("STATEMEDICAID  ", "STATEMEDICAID", 1), "CB-310", 1, "ISA06", "13 characters"),
    ("three letters", lambda f: f[:3], "CB-312", 1, "", "3 characters"),
    ("cut in the ISA", lambda f: f[:60], "CB-312", 1, "", "60 characters"),
    ("cut after the ISA", lambda f: f[:105], "CB-312", 1, "", "ends with the ISA"),
    ("a letter as separator", lambda f: f.replace(":~", "X~", 1), "CB-310", 1, "ISA", "component separator"),
    ("one separator for two", lambda f: f.replace(":~", "*~", 1), "CB-310", 1, "ISA", "17 elements"),
    ("a terminator in the ISA", lambda f: f.replace("261101", "26~101", 1), "CB-310", 1, "ISA", "inside the ISA"),
    ("other separators in the body", lambda f: f[:107] + f[107:].replace("*", "|"), "CB-310", 2, "", "separators"),
    ("no SE", lambda f: without(f, "SE"), "CB-312", 12, "", "ST of segment 3 is open"),
    ("no GE", lambda f: without(f, "GE"), "CB-312", 13, "", "GS of segment 2 is open"),
    ("no IEA", lambda f: without(f, "IEA"), "CB-312", 13, "", "file ends while the ISA of segment 1 is open"),
    ("cut in a member", lambda f: f[: f.index("BROWN")], "CB-312", 11, "", "ST of segment 3 is open"),
    ("no GS", lambda f: without(f, "GS"), "CB-312", 2, "", "ISA of segment 1 is open"),
    ("a segment after the SE", lambda f: f.replace("\nGE*", "\nREF*0F*1~\nGE*"), "CB-312", 13, "", "REF stands here"),
    ("an acknowledgement in a member", lambda f: f.replace("\nREF*", "\nTA1*000000001*261101*0600*A*000~\nREF*"),
     "CB-312", 10, "", "TA1 stands here"),
    ("something after the IEA", lambda f: f + "INS*Y*18", "CB-310", 15, "ISA", "not the beginning"),
    ("a segment lost", lambda f: without(f, "REF"), "CB-313", 11, "SE01", "declares 10 segments from ST to SE"),
    ("wrong set count", lambda f: f.replace("\nGE*1*", "\nGE*2*"), "CB-313", 13, "GE01", "2 transaction sets"),
    ("wrong group count", lambda f: f.replace("IEA*1*", "IEA*3*"), "CB-313", 14, "IEA01", "3 functional groups"),
    ("wrong SE02", lambda f: f.replace("SE*10*0001", "SE*10*0002"), "CB-314", 12, "SE02", "ST (segment 3) 0001"),
    ("wrong GE02", lambda f: f.replace("GE*1*1", "GE*1*7"), "CB-314", 13, "GE02", "control number 7"),
    ("wrong IEA02", lambda f: f.replace("IEA*1*000000001", "IEA*1*000000009"), "CB-314", 14, "IEA02", "000000009"),
    ("the file twice", lambda f: f + f, "CB-315", 15, "ISA13", "000000001 of segment 1"),
    ("an exchange's guide", lambda f: f.replace("X220A1", "X307"), "CB-311", 2, "GS01, GS08", "BE 005010X307"),
    ("an acknowledgement", lambda f: f.replace("GS*BE", "GS*FA"), "CB-311", 2, "GS01, GS08", "FA"),
    ("another transaction", lambda f: f.replace("ST*834", "ST*820"), "CB-311", 3, "ST01, ST03", "820"),
]  # fmt: skip


@pytest.mark.parametrize(("break_", "code", "segment", "field", "words"), [b[1:] for b in BROKEN],
                         ids=[b[0] for b in BROKEN])  # fmt: skip
def test_what_is_broken_is_named(x12, good, break_, code, segment, field, words):
    error = refusal(x12, break_(good))
    assert (error.code, error.position.segment, error.field) == (code, segment, field)
    assert words in error.message or words in str(error)
    assert error.remedy
    assert "BROWN" not in str(error)


def test_a_transaction_control_number_twice_in_a_group(x12, good):
    st, se = good.index("ST*"), good.index("\nGE*") + 1
    error = refusal(x12, good[:se] + good[st:se] + good[se:])
    assert (error.code, error.field) == ("CB-315", "ST02")


def test_two_transactions_in_a_group_and_leading_zeros_are_fine(read, good):
    st, se = good.index("ST*"), good.index("\nGE*") + 1
    second = good[st:se].replace("*0001*0", "*0002*0").replace("*0001~", "*2~").replace("MD1", "MD2")
    found = read(good[:se] + second + good[se:].replace("GE*1*1", "GE*02*01"))
    assert [(n.external_id, n.data["ST"]["02"]) for n in found] == [("MD1", "0001"), ("MD2", "0002")]


def test_a_space_before_the_transaction_set_is_passed_over(read, good):
    assert len(read(good.replace("ST*834", "ST* 834"))) == 1


def test_a_ta1_may_stand_before_the_group(read, good):
    assert len(read(good.replace("\nGS*", "\nTA1*000000001*261101*0600*A*000~\nGS*"))) == 1


ENVIRONMENTS = [("T", "prod"), ("P", "test")]


@pytest.mark.parametrize(("usage", "environment"), ENVIRONMENTS)
def test_test_and_production_do_not_mix(x12, file_of, usage, environment):
    error = refusal(x12, file_of(*MEMBER, usage=usage), environment)
    assert (type(error), error.code, error.who) == (Held, "CB-508", "it")
    assert f"ISA15 is {usage}" in error.message


@pytest.mark.parametrize(("usage", "environment"), [("T", "test"), ("P", "prod")])
def test_the_right_environment_reads(read, file_of, usage, environment):
    assert len(read(file_of(*MEMBER, usage=usage), environment)) == 1


def test_declared_totals_that_do_not_agree_are_a_warning_on_the_first_member(read, file_of):
    header = [["BGN", "00", "1", "20261101", "0600", "", "", "", "2"], ["QTY", "TO", "5"], ["QTY", "DT", "0"]]
    first, second = read(file_of(*MEMBER, *(s.replace("MD1", "MD2") for s in MEMBER), header=header))
    assert first.data["warnings"][0] == "QTY TO declares 5 members, the transaction has 2"
    assert not any("QTY" in warning for warning in second.data.get("warnings", []))


IDENTITIES = [
    ("one", lambda f: f, "STATEMEDICAID:000000001"),
    ("two", lambda f: f + f.replace("000000001", "000000002"),
     "STATEMEDICAID:000000001+STATEMEDICAID:000000002"),
    ("not whole: the whole file may come again", lambda f: f[:-20], None),
    ("not X12", lambda f: '{"resourceType": "Patient"}', None),
    ("nothing", lambda f: "", None),
]  # fmt: skip


@pytest.mark.parametrize(("change", "identity"), [i[1:] for i in IDENTITIES], ids=[i[0] for i in IDENTITIES])
def test_identity_is_the_sender_and_the_control_number(x12, good, change, identity):
    assert x12().identity(io.BytesIO(change(good).encode())) == identity


def test_identity_does_not_depend_on_the_environment(x12, good):
    assert x12("prod").identity(io.BytesIO(good.encode())) == "STATEMEDICAID:000000001"


def test_identity_of_many_interchanges_is_hashed(x12, file_of):
    many = "".join(file_of(*MEMBER, control=f"{n:09}") for n in range(9))
    assert x12().identity(io.BytesIO(many.encode())).startswith("sha256:")


def test_a_stream_that_cannot_seek_is_read_all_the_same(x12, good):
    class Pipe(io.BytesIO):
        def seekable(self):
            return False

        def seek(self, *where):
            raise OSError

    assert len(list(x12().parse(Pipe(good.encode()), {}))) == 1
