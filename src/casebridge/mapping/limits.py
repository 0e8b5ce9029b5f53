"""How large a map may be. Checking compares lines with each other, so without a limit one file could stop a bridge.

The largest map that comes with CaseBridge has a hundred lines.
"""

from __future__ import annotations

import re
from typing import Final

from casebridge.mapping.model import Choose, Definition
from casebridge.mapping.notation import Place
from casebridge.mapping.parts import all_lines

MAX_LINES: Final = 400
MAX_BRANCHES: Final = 50
MAX_CONDITIONS: Final = 50
MAX_IGNORED: Final = 500
MAX_EXAMPLES: Final = 200
MAX_ROWS: Final = 5_000
_NAME = re.compile(r"[\w\-.]+(?:[ /][\w\-.]+)*")
_NAME_LENGTH = 200


def check(definition: Definition) -> None:
    """MapError CB-201 for a map that is larger than its limits, or whose name is not one."""
    name, place = definition.name, definition.place
    if len(name) > _NAME_LENGTH or not _NAME.fullmatch(name):
        raise place.error(
            "CB-201", f"`map:` is a name of letters, digits, - _ . and /, at most {_NAME_LENGTH} characters",
            remedy="Name the map as `set/record`, such as `sdohcc/patient`.",
        )  # fmt: skip
    lines = list(all_lines(definition.fields))
    _at_most(MAX_LINES, len(lines), "lines", place)
    _at_most(MAX_IGNORED, len(definition.ignore), "ignored places", place)
    _at_most(MAX_EXAMPLES, len(definition.examples), "examples", place)
    for conditions in (definition.match, definition.when, *(line.when for line in lines)):
        _at_most(MAX_CONDITIONS, len(conditions), "conditions in one place", place)
    for line in lines:
        if isinstance(line, Choose):
            _at_most(MAX_BRANCHES, len(line.branches), "branches in one `choose`", line.place)


def rows(count: int, place: Place) -> None:
    """MapError CB-201 for a code table with too many rows."""
    _at_most(MAX_ROWS, count, "rows in one code table", place)


def _at_most(limit: int, count: int, what: str, place: Place) -> None:
    if count > limit:
        raise place.error(
            "CB-201", f"{count} {what}; a map has at most {limit}",
            remedy="Checking it would keep every other message waiting. Write several smaller maps, each with its own "
            "`match:`, or a smaller code table with `otherwise:` for the rest.",
        )  # fmt: skip
