"""HMIS Client.csv to NDJSON: through the shipped map, and by hand with ``csv.reader`` and orjson."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from casebridge_hmis.spec import FY2026

from casebridge.core.ssn import usable_ssn
from casebridge.mapping import load_map

MAP = Path(__file__).resolve().parents[1] / "mappings" / "hmis-2026" / "client.yaml"
Record = dict[str, Any]
Read = Callable[[Record], Any]
WHY: Record = {"8": {"absent": "asked-unknown"}, "9": {"absent": "asked-declined"}, "99": {"absent": "not-asked"}}
QUALITY = {"1": "full", "2": "partial"} | WHY
NO_SSN = {"2": "partial"} | WHY
SEX = {"0": "female", "1": "male"} | WHY
YES_NO = {"0": "no", "1": "yes"} | WHY
BRANCH = {"1": "army", "2": "air-force", "3": "navy", "4": "marines", "6": "coast-guard",
          "7": "space-force"} | WHY  # fmt: skip
DISCHARGE = {"1": "honorable", "2": "general", "4": "bad-conduct", "5": "dishonorable",
             "6": "other-than-honorable", "7": "uncharacterized"} | WHY  # fmt: skip
RACES = {"AmIndAKNative": "american-indian", "Asian": "asian", "BlackAfAmerican": "black",
         "HispanicLatinao": "hispanic",
         "MidEastNAfrican": "mena", "NativeHIPacific": "pacific", "White": "white"}  # fmt: skip
THEATERS = {"WorldWarII": "theater-world-war-2", "KoreanWar": "theater-korea", "VietnamWar": "theater-vietnam",
            "DesertStorm": "theater-gulf", "AfghanistanOEF": "theater-afghanistan", "IraqOIF": "theater-iraq-freedom",
            "IraqOND": "theater-iraq-dawn", "OtherTheater": "theater-other"}  # fmt: skip
ENVELOPE = {
    "UserID": "asserted_by", "DateCreated": "created", "DateUpdated": "updated", "DateDeleted": "deleted",
}  # fmt: skip
SSN_SYSTEM = "http://hl7.org/fhir/sid/us-ssn"


def made_up(rows: int, seed: int = 20261122) -> str:
    """A Client.csv of made-up people: most have a name and a birth date, one in eight is a veteran."""
    chance, text = random.Random(seed), io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [column.name for column in FY2026.columns("Client")]
    writer.writerow(columns)
    for number in range(rows):
        given = _person(chance, number)
        writer.writerow([given.get(column, "") for column in columns])
    return text.getvalue()


def _person(chance: random.Random, number: int) -> dict[str, str]:
    person = {
        "PersonalID": f"C{number:07}", "FirstName": chance.choice(("Ada", "Bo", "Eva", "Tobi")),
        "LastName": f"Made{number % 977}", "NameDataQuality": "1", "SSNDataQuality": "99", "DOBDataQuality": "1",
        "DOB": f"{chance.randint(1940, 2020)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}",
        "Sex": chance.choice(("0", "1", "99")), "RaceNone": "", "VeteranStatus": "0", "UserID": "U1", "ExportID": "EX1",
        "DateCreated": "2026-03-01 08:00:00", "DateUpdated": "2026-03-02 09:30:00",
    }  # fmt: skip
    person |= dict.fromkeys(RACES, "0") | {chance.choice(tuple(RACES)): "1"}
    if number % 3 == 0:
        person |= {"SSN": f"900{number % 90 + 10}{number % 9000 + 1000}", "SSNDataQuality": "1"}
    if number % 5 == 0:
        person |= {"MiddleName": "M", "AdditionalRaceEthnicity": "Kalmyk"}
    if number % 8 == 0:
        person |= {column: chance.choice(("0", "1", "99")) for column in THEATERS}
        person |= {"VeteranStatus": "1", "YearEnteredService": "1990", "YearSeparated": "1994", "MilitaryBranch": "4",
                   "DischargeStatus": "1"}  # fmt: skip
    if number % 11 == 0:
        person |= {"DOB": "", "DOBDataQuality": "9"}
    return person


def through_the_map() -> Read:
    """The shipped map, compiled."""
    return load_map(MAP).read


def to_ndjson(text: str, read: Read) -> bytes:
    """One line of JSON for each row, through a map."""
    reader = csv.reader(io.StringIO(text))
    header = next(reader)
    return b"\n".join([orjson.dumps(read(dict(zip(header, row, strict=True))).slice) for row in reader])


def by_hand(text: str) -> bytes:
    """The same lines without a map."""
    reader = csv.reader(io.StringIO(text))
    at = {name: i for i, name in enumerate(next(reader))}
    columns = _Columns(at)
    return b"\n".join([orjson.dumps({"person": columns.person(row)}) for row in reader])


class _Columns:
    """Where the columns of this file stand."""

    def __init__(self, at: dict[str, int]) -> None:
        self.id, self.first, self.middle, self.last = (
            at[n] for n in ("PersonalID", "FirstName", "MiddleName", "LastName")
        )
        self.suffix, self.name_quality, self.ssn, self.ssn_quality = (
            at[n] for n in ("NameSuffix", "NameDataQuality", "SSN", "SSNDataQuality")
        )
        self.birth, self.birth_quality, self.sex = at["DOB"], at["DOBDataQuality"], at["Sex"]
        self.races = [(at[column], word) for column, word in RACES.items()]
        self.race_none, self.race_text = at["RaceNone"], at["AdditionalRaceEthnicity"]
        self.traits = [
            (at["VeteranStatus"], "veteran", YES_NO), (at["YearEnteredService"], "military-entered", None),
            (at["YearSeparated"], "military-separated", None),
            *((at[column], word, YES_NO) for column, word in THEATERS.items()),
            (at["MilitaryBranch"], "military-branch", BRANCH), (at["DischargeStatus"], "military-discharge", DISCHARGE),
        ]  # fmt: skip
        self.envelope = [(at[column], field) for column, field in ENVELOPE.items()]

    def person(self, row: list[str]) -> Record:
        """The person of one row."""
        person: Record = {}
        if value := row[self.id]:
            person["external_id"] = value
        if name := self._name(row):
            person["names"] = [name]
        if row[self.ssn_quality] == "1" and (value := row[self.ssn]) and (digits := usable_ssn(value)):
            person["identifiers"] = [{"system": SSN_SYSTEM, "scope": "person", "value": digits}]
        if value := row[self.sex]:
            person["sexes"] = [{"kind": "hud", "value": SEX[value]}]
        traits = self._traits(row)
        for index, field in self.envelope:
            if value := row[index]:
                person[field] = value
        if "identifiers" not in person and (why := NO_SSN.get(row[self.ssn_quality])):
            traits.append({"code": "ssn-quality", "value": why})
        if value := row[self.birth]:
            person["birth"] = value
            if value := row[self.birth_quality]:
                traits.append({"code": "birth-date-quality", "value": QUALITY[value]})
        elif (value := row[self.birth_quality]) and value in WHY:
            person["birth"] = WHY[value]
        if traits:
            person["characteristics"] = traits
        return person

    def _name(self, row: list[str]) -> Record | None:
        name: Record = {}
        first, middle = row[self.first], row[self.middle]
        if first or middle:
            name["given"] = [value for value in (first, middle) if value]
        if value := row[self.last]:
            name["family"] = value
        if value := row[self.suffix]:
            name["suffix"] = [value]
        if value := row[self.name_quality]:
            name["quality"] = QUALITY[value]
        return {"use": "usual", **name} if name else None

    def _traits(self, row: list[str]) -> list[Record]:
        traits: list[Record] = []
        race: Record = {}
        if races := [word for index, word in self.races if row[index] == "1"]:
            race["value"] = races
        elif (value := row[self.race_none]) and value in WHY:
            race["value"] = WHY[value]
        if value := row[self.race_text]:
            race["text"] = value
        if race:
            traits.append({"code": "race", **race})
        for index, code, table in self.traits:
            if value := row[index]:
                traits.append({"code": code, "value": table[value] if table else value})
        return traits
