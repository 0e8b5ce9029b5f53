"""What became of every record, and what was lost on the way: counts and places, never values."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from casebridge.core.errors import CaseBridgeError

MOST = 10_000  # refused records named one by one
_FOLDERS = re.compile(r"[^\s:`]*/(?=[^/\s:`]+\.(yaml|csv)\b)")
COLUMNS = ("what", "where", "values", "code", "why")


@dataclass(frozen=True, slots=True)
class Refused:
    """One record that was not translated: where it stood, the code, and why in words that show no value."""

    position: str
    code: str
    message: str


@dataclass(slots=True)
class Report:
    """``not_read`` counts values no line of the source's maps reads, ``no_room`` values no line of the target's maps
    writes, both by field. ``no_map`` counts records by native type, ``no_place`` records by kind and reason, ``held``
    records that are right in themselves but were left out for others' sake, by kind and reason. ``replaced`` counts
    values that only an earlier record of the same id had, ``not_taken`` values of people who are in the target's own
    file already (``met`` of them) that it does not say, both by field."""

    read: int = 0
    repeated: int = 0
    written: Counter[str] = field(default_factory=Counter)
    not_read: Counter[str] = field(default_factory=Counter)
    no_room: Counter[str] = field(default_factory=Counter)
    no_map: Counter[str] = field(default_factory=Counter)
    no_place: Counter[tuple[str, str]] = field(default_factory=Counter)
    held: Counter[tuple[str, str]] = field(default_factory=Counter)
    replaced: Counter[str] = field(default_factory=Counter)
    not_taken: Counter[str] = field(default_factory=Counter)
    met: int = 0
    refused: list[Refused] = field(default_factory=list)
    refusals: int = 0
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)

    def refuse(self, position: object, error: CaseBridgeError) -> None:
        """One record more that was not translated."""
        self.refusals += 1
        why = _short(error).removeprefix(f"{position}: ")
        if len(self.reasons) < MOST or (error.code, why) in self.reasons:
            self.reasons[error.code, why] += 1
        if len(self.refused) < MOST:
            self.refused.append(Refused(str(position), error.code, why))

    def start_again(self) -> None:
        """What was read, refused and held stays; all else is counted anew."""
        for counter in (self.written, self.no_room, self.no_place, self.not_taken):
            counter.clear()
        self.met = 0

    def displace(self, kind: str, error: CaseBridgeError) -> None:
        """One record more that the target has no place for."""
        self.no_place[kind, f"{_short(error)} ({error.code})"] += 1

    def rows(self) -> Iterator[tuple[str, str, int, str, str]]:
        """(what, where, how many, code, why), the largest first in each part."""
        for what, counter in (("not read", self.not_read), ("no room", self.no_room), ("replaced", self.replaced),
                              ("not taken", self.not_taken), ("no map", self.no_map)):  # fmt: skip
            yield from ((what, where, count, "", "") for where, count in counter.most_common())
        for what, reasons in (("no place", self.no_place), ("held", self.held)):
            yield from ((what, kind, count, "", why) for (kind, why), count in reasons.most_common())
        for (code, why), count in self.reasons.most_common():
            if count > 1:
                yield "refused in all", "records", count, code, why
        yield from (("refused", one.position, 1, one.code, one.message) for one in self.refused)

    def save(self, file: Path) -> None:
        """As CSV, or as JSON when the name ends so."""
        text = self._json() if file.suffix == ".json" else self._csv()
        file.write_text(text, encoding="utf-8")

    def _csv(self) -> str:
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerows([COLUMNS, *self.rows()])
        return buffer.getvalue()

    def _json(self) -> str:
        lost = [dict(zip(COLUMNS, row, strict=True)) for row in self.rows()]
        told = {"read": self.read, "repeated": self.repeated, "met": self.met, "refused": self.refusals,
                "written": dict(self.written)}  # fmt: skip
        return json.dumps({**told, "lost": lost}, indent=2) + "\n"


def _short(error: CaseBridgeError) -> str:
    """The message without the folders of the maps it names."""
    return _FOLDERS.sub("", error.message.removeprefix("the payload: "))
