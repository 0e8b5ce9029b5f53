"""The layout file: what an agency's file looks like, in YAML or TOML. One file serves reading and writing."""

from __future__ import annotations

import csv
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from casebridge.core.errors import SetupError

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$")]
OneCharacter = Annotated[str, StringConstraints(min_length=1, max_length=1)]
Encoding = Literal["utf-8", "ascii", "cp1252", "iso-8859-1", "cp437", "cp850"]  # one byte ends a line in each
Fill = Literal["dispatch", "date8", "time4", "count", "environment"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Part):
    """One column. ``start`` counts characters from 1, ``length`` characters (fixed width only).

    ``constant`` and ``fill`` say what is written into it; ``pattern`` and ``expected`` what every value must look
    like, to the program and to people; ``empty`` are values that stand for nothing, such as 99991231 for no end.
    """

    name: Word
    header: str = ""
    start: int = Field(0, ge=0)
    length: int = Field(0, ge=0)
    align: Literal["left", "right"] = "left"
    pad: OneCharacter = " "
    required: bool = False
    pattern: str = ""
    expected: str = ""
    empty: tuple[str, ...] = ()
    constant: str = ""
    fill: Fill | None = None

    @property
    def heading(self) -> str:
        """What stands above the column."""
        return self.header or self.name

    @property
    def end(self) -> int:
        """The column's last character, counted from 1."""
        return self.start + self.length - 1

    @model_validator(mode="after")
    def _pattern_is_one(self) -> Self:
        try:
            re.compile(self.pattern)
        except re.error as e:
            raise ValueError(f"column {self.name}: the pattern cannot be read: {e}") from None
        return self


class Preference(_Part):
    """The column that says of a row that it counts, whatever its date, and its code."""

    column: Word
    value: str = Field(min_length=1)


class RecordLayout(_Part):
    """One type of record. ``code`` begins its rows where a file has several types; ``key`` makes its external id.

    ``role`` tells the file's own first and last record from those that hold data; in these two, ``count`` names the
    column with the number of rows between them, those of codes to ignore included. ``subject`` names the columns with
    the partner's id of the person. Where the layout joins rows, ``latest`` names the date by which only the newest of
    a person's rows counts, and ``prefer`` which of them count before all others.
    """

    name: Word
    code: str = ""
    role: Literal["data", "header", "trailer"] = "data"
    key: tuple[Word, ...] = ()
    subject: tuple[Word, ...] = ()
    unique: bool = True
    count: str = ""
    latest: str = ""
    prefer: Preference | None = None
    columns: tuple[Column, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        names = [column.name for column in self.columns]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"record {self.name}: the column {min(twice)} is there twice")
        preferred = self.prefer.column if self.prefer else ""
        wanted = {*self.key, *self.subject, *filter(None, [self.count, self.latest, preferred])}
        if missing := sorted(wanted - set(names)):
            raise ValueError(f"record {self.name}: there is no column {missing[0]}")
        if self.role == "data" and not self.key:
            raise ValueError(f"record {self.name}: say in key which columns tell one record from another")
        if self.prefer and not self.latest:
            raise ValueError(f"record {self.name}: prefer goes with latest")
        if self.role == "trailer" and not self.count:
            raise ValueError(f"record {self.name}: a trailer says in count which column holds the number of records")
        if self.role == "data" and self.count:
            raise ValueError(f"record {self.name}: a header or a trailer counts the records")
        return self


class Environment(_Part):
    """The column of the header record that says whether the file is a test, and its two codes."""

    column: Word
    prod: str = Field(min_length=1)
    test: str = Field(min_length=1)


class Layout(_Part):
    """The whole file. ``identity`` names columns of the header record that number the file.

    ``join`` names the one record that all rows of a person (their ``subject``) become; ``ignore`` are codes of rows
    that are not read.
    """

    layout: Word
    kind: Literal["delimited", "fixed"]
    encoding: Encoding = "utf-8"
    fallback: Encoding | Literal[""] = "cp1252"
    delimiter: OneCharacter = ","
    quote: Annotated[str, StringConstraints(max_length=1)] = '"'
    header: bool = True
    skip_lines: int = Field(0, ge=0)
    line_end: Literal["crlf", "lf"] = "crlf"
    extension: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{1,8}$")] = "csv"
    identity: tuple[Word, ...] = ()
    environment: Environment | None = None
    join: Annotated[str, StringConstraints(pattern=r"^([A-Za-z][A-Za-z0-9_.-]{0,63})?$")] = ""
    ignore: tuple[Word, ...] = ()
    records: tuple[RecordLayout, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _records_can_be_told_apart(self) -> Self:
        codes = [record.code for record in self.records]
        if len(codes) > 1 and (not all(codes) or len(set(codes)) < len(codes)):
            raise ValueError("where there are several records, each has a code of its own")
        if self.kind == "delimited" and self.header and any(codes):
            raise ValueError("a file with a line of headings has one type of record and no codes")
        asked = {*self.identity, *([self.environment.column] if self.environment else [])}
        if not asked <= {c.name for r in self.of_role("header") for c in r.columns}:
            raise ValueError("identity and environment name columns of the record with role: header")
        return self

    @model_validator(mode="after")
    def _joined_rows_have_one_subject(self) -> Self:
        if self.join and len({record.subject for record in self.of_role("data")} | {()}) != 2:
            raise ValueError("where rows are joined, each record of them names the same columns as its subject")
        return self

    @model_validator(mode="after")
    def _fixed_columns_have_their_place(self) -> Self:
        for record in self.records if self.kind == "fixed" else ():
            next_free = len(record.code) + 1
            for column in sorted(record.columns, key=lambda c: c.start):
                if column.length < 1 or column.start < next_free:
                    raise ValueError(f"record {record.name}: column {column.name} needs a start after {next_free - 1}"
                                     " (where the one before ends) and a length")  # fmt: skip
                next_free = column.end + 1
        return self

    @property
    def quoting(self) -> Literal[0, 3]:
        """What the csv module calls it: QUOTE_MINIMAL, or QUOTE_NONE where the layout has no quotes."""
        return csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE

    def of_role(self, role: str) -> list[RecordLayout]:
        """The records of one role."""
        return [record for record in self.records if record.role == role]


SHIPPED = Path(str(files("casebridge_flatfile"))) / "layouts"


def shipped_layouts() -> list[str]:
    """The names of the layouts that come with the adapter."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def load_layout(name: str, base_dir: str) -> Layout:
    """The layout at a path (from ``base_dir``), or the shipped one of that name. Raises SetupError CB-380."""
    path = Path(base_dir, name)
    found = path if path.is_file() else SHIPPED / f"{name}.yaml"
    if not found.is_file():
        known = ", ".join(shipped_layouts())
        raise SetupError("CB-380", f"{path}: there is no such layout file; the shipped ones are {known}")
    try:
        return Layout.model_validate(_load(found))
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise SetupError("CB-380", f"{found}: {where}: {first['msg'].removeprefix('Value error, ')}") from None


def _load(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".toml":
            return tomllib.loads(text)
        return yaml.load(text, Loader=yaml.CBaseLoader)  # noqa: S506  the safest: every value stays text, 001 too
    except (OSError, ValueError, yaml.YAMLError) as e:
        raise SetupError("CB-380", f"{path}: {e}") from None
