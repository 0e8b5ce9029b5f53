"""From a line of headings to the columns under them, in the file's order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches

from casebridge.core.errors import Position, RecordError
from casebridge_flatfile.layout import Column

MAX_COLUMNS = 4096


def columns_under(headings: Sequence[str], known: Sequence[Column], position: Position) -> list[Column]:
    """The column at each place; a heading the layout lacks keeps its own name, a place without one is ``column 7``.

    Raises RecordError CB-381 when one of the ``known`` is not there once, or two would have one name; CB-304 beyond
    ``MAX_COLUMNS``.
    """
    if len(headings) > MAX_COLUMNS:
        raise RecordError(
            "CB-304", "there are too many columns", position=position, expected=f"at most {MAX_COLUMNS} columns",
            remedy="Ask the sender to leave out columns that nobody reads.",
        )  # fmt: skip
    found = [_plain(heading) for heading in headings]
    counts = Counter(found)
    for column in known:
        if counts[_plain(column.heading)] != 1:
            raise _not_there(column, headings, counts[_plain(column.heading)], position)
    by_heading = {_plain(column.heading): column for column in known}
    columns = [
        by_heading.get(plain) or extra_column(heading.strip() or f"column {place}")
        for place, (plain, heading) in enumerate(zip(found, headings, strict=True), 1)
    ]
    _check_names([column.name for column in columns], position)
    return columns


def extra_column(name: str) -> Column:
    """A column the layout does not know: it keeps its heading, so that nothing is lost on the way back."""
    return Column.model_construct(name=name, header=name)


def _check_names(names: Sequence[str], position: Position) -> None:
    counts = Counter(names)
    twice = next((name for name in names if counts[name] > 1), None)
    if twice:
        raise RecordError(
            "CB-381", f"two columns would both be called {twice}", position=position, field=twice,
            expected="headings that differ",
        )  # fmt: skip


def _plain(heading: str) -> str:
    return " ".join(heading.split()).casefold()


def _not_there(column: Column, headings: Sequence[str], count: int, position: Position) -> RecordError:
    near = get_close_matches(column.heading, headings, n=1, cutoff=0.6)
    said = f"is there {count} times" if count else "is missing" + (f"; did you mean “{near[0]}”?" if near else "")
    return RecordError(
        "CB-381", f"the column “{column.heading}” {said}", position=position, field=column.name,
        expected=f"the heading “{column.heading}” once",
    )  # fmt: skip
