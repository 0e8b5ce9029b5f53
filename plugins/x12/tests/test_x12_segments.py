"""What a segment of a member's loop becomes: the segments on the left, the native record on the right."""

import pytest

from casebridge import Native

INS = "INS*Y*18*021*AI*A***AC"
REF = "REF*0F*MD1"
NM1 = "NM1*IL*1*BROWN*JANE"
BEFORE = {"2000": [INS, REF], "2100A": [INS, REF, NM1], "2300": [INS, REF, NM1, "HD*021**HMO", "DTP*348*D8*20260101"]}

TABLE = [
    # loop it stands in, segments, path, native
    ("2000", ["REF*1L*GRP1", NM1], "REF", [{"01": "0F", "02": "MD1"}, {"01": "1L", "02": "GRP1"}]),
    ("2000", ["DTP*356*D8*20260101", NM1], "DTP", [{"01": "356", "02": "D8", "03": "20260101"}]),
    ("2100A", [], "INS", {"01": "Y", "02": "18", "03": "021", "04": "AI", "05": "A", "08": "AC"}),
    ("2100A", [], "2100A.NM1", {"01": "IL", "02": "1", "03": "BROWN", "04": "JANE"}),
    ("2100A", ["PER*IP**HP*5551*EM*a@b.org"], "2100A.PER",
     {"01": "IP", "numbers": [{"kind": "HP", "number": "5551"}, {"kind": "EM", "number": "a@b.org"}]}),
    ("2100A", ["PER*IP**TE*5551*EX*42*HP*5552"], "2100A.PER",
     {"01": "IP", "numbers": [{"kind": "TE", "number": "5551 ext. 42"}, {"kind": "HP", "number": "5552"}]}),
    ("2100A", ["PER*IP**EX*42"], "2100A.PER", {"01": "IP", "numbers": [{"kind": "EX", "number": "42"}]}),
    ("2100A", ["N3*1 MAIN ST*APT 3"], "2100A.N3", {"01": "1 MAIN ST", "02": "APT 3"}),
    ("2100A", ["DMG*D8*20030212*F**C:RET:2186-5^:RET:2135-2"], "2100A.DMG",
     {"01": "D8", "02": "20030212", "03": "F",
      "05": [{"01": "C", "02": "RET", "03": "2186-5"}, {"02": "RET", "03": "2135-2"}]}),
    ("2100A", ["LUI*LE*ENG**7", "LUI*LE*SPA**5"], "2100A.LUI",
     [{"01": "LE", "02": "ENG", "04": "7"}, {"01": "LE", "02": "SPA", "04": "5"}]),
    ("2100A", ["NM1*70*1*BRAUN*JANE", "DMG*D8*20030213*F"], "2100B",
     {"NM1": {"01": "70", "02": "1", "03": "BRAUN", "04": "JANE"}, "DMG": {"01": "D8", "02": "20030213", "03": "F"}}),
    ("2100A", ["NM1*31*1", "N3*PO BOX 1", "N4*TROY*NY*12180"], "2100C.N4", {"01": "TROY", "02": "NY", "03": "12180"}),
    ("2100A", ["NM1*GD*1*FOX", "NM1*QD*1*HAN"], "2100G",
     [{"NM1": {"01": "GD", "02": "1", "03": "FOX"}}, {"NM1": {"01": "QD", "02": "1", "03": "HAN"}}]),
    ("2100A", ["DSB*2", "DTP*360*D8*20260101"], "2200",
     [{"DSB": {"01": "2"}, "DTP": [{"01": "360", "02": "D8", "03": "20260101"}]}]),
    ("2300", ["LX*1", "NM1*Y2*2******SV*PLAN*72"], "2300.0.2310",
     [{"LX": {"01": "1"}, "NM1": {"01": "Y2", "02": "2", "08": "SV", "09": "PLAN", "10": "72"}}]),
    ("2300", ["COB*P*1*5", "NM1*IN*2*OTHER PAYER", "COB*S*2*5"], "2300.0.2320",
     [{"COB": {"01": "P", "02": "1", "03": "5"}, "2330": [{"NM1": {"01": "IN", "02": "2", "03": "OTHER PAYER"}}]},
      {"COB": {"01": "S", "02": "2", "03": "5"}}]),
    ("2300", ["HD*021**DEN", "DTP*348*D8*20260201"], "2300.1.DTP", [{"01": "348", "02": "D8", "03": "20260201"}]),
    ("2300", ["LS*2700", "LX*1", "N1*75*AID CAT CODE", "REF*17*31", "LE*2700"], "LS",
     {"LS": {"01": "2700"}, "LE": {"01": "2700"}, "2700": [
         {"LX": {"01": "1"}, "2750": {"N1": {"01": "75", "02": "AID CAT CODE"}, "REF": {"01": "17", "02": "31"}}}]}),
    ("2300", ["LX*1", "NM1*P3*1*FOX*****SV*1*25", "LS*2700", "LX*1", "N1*75*X", "LE*2700"], "LS.2700",
     [{"LX": {"01": "1"}, "2750": {"N1": {"01": "75", "02": "X"}}}]),
]  # fmt: skip


def at(data, path):
    for part in path.split("."):
        data = data[int(part) if isinstance(data, list) else part]
    return data


@pytest.mark.parametrize(("loop", "segments", "path", "native"), TABLE)
def test_a_segment_and_what_it_becomes(read, file_of, loop, segments, path, native):
    (record,) = read(file_of(*BEFORE[loop], *segments))
    assert at(record.data, path) == native
    assert "warnings" not in record.data


def test_the_envelope_stands_round_the_member_and_without_the_senders_passwords(read, file_of):
    (record,) = read(file_of(*BEFORE["2100A"]))
    assert isinstance(record, Native)
    assert record.type == "x12/834-member"
    assert record.data["ISA"]["06"] == "STATEMEDICAID"
    assert not {"02", "04"} & set(record.data["ISA"])
    assert (record.data["GS"]["08"], record.data["ST"]["02"]) == ("005010X220A1", "0001")
    assert record.data["BGN"]["08"] == "2"
    assert record.data["1000A"]["N1"]["02"] == "STATE MEDICAID AGENCY"
    assert record.data["1000B"]["N1"]["01"] == "IN"
    assert record.data["HEADER"] == {
        "DTP": [{"01": "007", "02": "D8", "03": "20261101"}],
        "QTY": [{"01": "TO", "02": "1"}],
    }


def test_without_a_repetition_separator_a_repeated_element_is_one(read, file_of):
    (record,) = read(file_of(*BEFORE["2100A"], "DMG*D8*20030212*F**C", repetition="U"))
    assert record.data["2100A"]["DMG"]["05"] == [{"01": "C"}]


def test_spaces_at_the_end_of_an_element_are_padding(read, file_of):
    (record,) = read(file_of(INS, "REF*0F*MD1  *", "NM1*IL*1*VAN DER BERG  *JO ANN "))
    assert record.external_id == "MD1"
    assert record.data["2100A"]["NM1"] == {"01": "IL", "02": "1", "03": "VAN DER BERG", "04": "JO ANN"}
