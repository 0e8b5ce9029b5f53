"""Code tables: rows ``[case, other]``, both ways unless a third word says ``export`` or ``import``.

The first row that fits wins in each direction, so ``[a, x], [a, y]`` reads both x and y as a, and writes a as x.
A case code ``absent:<reason>`` is the case model's Absent. What has no row is refused, kept or reported.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from casebridge.core.values import AbsentReason
from casebridge.mapping.notation import Place
from casebridge.mapping.walk import MISSING, is_absent, text_of

REASONS: tuple[str, ...] = get_args(AbsentReason)
WAYS = ("both", "import", "export")
Otherwise = Literal["refuse", "keep", "report"]


@dataclass(frozen=True, slots=True)
class Row:
    """One row, and where it is written."""

    case: str | bool
    other: str | bool
    way: str
    place: Place


@dataclass(frozen=True, slots=True)
class CodeTable:
    """A table of codes. ``otherwise``: refuse (an error), keep (as it is), report (left out, and said).

    ``to_case`` and ``to_other`` give the code for each code of the other side, as texts.
    """

    name: str
    rows: tuple[Row, ...]
    otherwise: Otherwise
    place: Place
    loss: str = ""
    to_case: dict[str, str | bool] = field(default_factory=dict, repr=False)
    to_other: dict[str, str | bool] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for row in self.rows:
            if row.way != "export":
                self.to_case.setdefault(text_of(row.other), row.case)
            if row.way != "import":
                self.to_other.setdefault(text_of(row.case), row.other)

    def read(self, value: Any) -> Any:
        """The case code (or Absent) of the other side's code; MISSING when it is to be reported.

        Raises KeyError when there is no row and ``otherwise: refuse``.
        """
        code = self.to_case.get(text_of(value))
        if code is None:
            return self._unlisted(value)
        return {"absent": code[7:]} if isinstance(code, str) and code.startswith("absent:") else code

    def write(self, value: Any) -> Any:
        """The other side's code; an Absent without a row is MISSING. Raises KeyError as :meth:`read` does."""
        if is_absent(value):
            return self.to_other.get(f"absent:{value['absent']}", MISSING)
        code = self.to_other.get(text_of(value))
        return self._unlisted(value) if code is None else code

    def _unlisted(self, value: Any) -> Any:
        if self.otherwise == "refuse":
            raise KeyError(text_of(value))
        return value if self.otherwise == "keep" else MISSING


def row_of(cells: Iterable[str | bool], place: Place) -> Row:
    """A row from its cells; MapError CB-201 when they are not case, other and perhaps a way."""
    found = [cell.strip() if isinstance(cell, str) else cell for cell in cells]
    if len(found) not in (2, 3) or "" in found:
        raise place.error("CB-201", "a row of codes is [case, other] or [case, other, export|import]")
    way = text_of(found[2]) if len(found) == 3 else "both"
    if way not in WAYS:
        raise place.error("CB-203", f"the third cell of a row is {' | '.join(WAYS)}, not `{way}`")
    case = found[0]
    if isinstance(case, str) and case.startswith("absent:") and case[7:] not in REASONS:
        raise place.error("CB-203", f"`{case}` is no reason; they are {', '.join(REASONS)}")
    return Row(case, found[1], way, place)
