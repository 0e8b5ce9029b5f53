"""One value, from their spelling to ours and back: codes, then a converter, or a link."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from casebridge.core import schema
from casebridge.core.errors import CaseBridgeError, RecordError, mask
from casebridge.mapping.model import Leaf, Link
from casebridge.mapping.walk import MISSING, blank, clone, is_absent, text_of

_CODE_FORMS = tuple(re.compile(form) for form in ("[0-9]{1,3}", "[a-z][a-z-]{0,7}", "[A-Z][A-Z0-9]{0,2}"))


class Links(Protocol):
    """Knows by which id the partner calls a record of ours."""

    def theirs(self, ref: dict[str, Any]) -> str | None:
        """The partner's own reference (``Patient/1``) for one of our refs, or None when it has none."""


class OwnIds:
    """Links for a record that stays with its source: every ref is called as the source called it."""

    def theirs(self, ref: dict[str, Any]) -> str | None:
        """The source's own id of the ref."""
        found = ref.get("external_id")
        return found if isinstance(found, str) else None


def to_case(line: Leaf, value: Any) -> Any:
    """Their value in our spelling; MISSING when the line has nothing to make of it."""
    if isinstance(value, list) and _one_by_one(line):
        return _kept(to_case(line, item) for item in value)
    _single(line, value)
    if line.link:
        kind = line.link.kind_of(text_of(value))
        return {"kind": kind, "external_id": text_of(value)} if kind else MISSING
    if line.codes:
        value = _coded(line, line.codes.read, value, line.other.text)
    if line.convert and not blank(value) and not is_absent(value):
        value = _converted(line, line.convert.read, value, line.other.text)
    return clone(value)


def to_other(line: Leaf, value: Any, links: Links) -> Any:
    """Our value in their spelling; MISSING when they have no word for it."""
    if blank(value):
        return MISSING
    if line.link:
        return _linked(line.link, value, links)
    if isinstance(value, list) and _one_by_one(line):
        return _kept(to_other(line, item, links) for item in value)
    absent = is_absent(value)
    if absent and not line.codes:
        return MISSING
    _single(line, value)
    if line.convert and not absent:
        value = _converted(line, line.convert.write, value, line.case.text)
    if line.codes:
        value = _coded(line, line.codes.write, value, line.case.text)
    return clone(value)


def _linked(link: Link, value: Any, links: Links) -> Any:
    if isinstance(value, list):
        return _kept(_linked(link, item, links) for item in value)
    return linked(value, links, link) or MISSING


def linked(value: Any, links: Links, link: Link) -> str | None:
    """The partner's reference for a ref to a kind of the link; any other would be read as what it is not, or not."""
    kind = value.get("kind") if isinstance(value, dict) else None
    found = theirs_of(value, links) if kind in link.targets else None
    return found if found and link.kind_of(text_of(found)) == kind else None


def theirs_of(value: Any, links: Links) -> str | None:
    """The partner's reference for one of our refs, if the value is a ref that can be followed."""
    if not isinstance(value, dict) or "kind" not in value or not (value.get("id") or value.get("external_id")):
        return None
    return links.theirs(value)


def _translates(line: Leaf) -> bool:
    return bool(line.codes or line.convert or line.link)


def _one_by_one(line: Leaf) -> bool:
    return _translates(line) and not (line.convert and line.convert.whole)


def _kept(values: Any) -> Any:
    return [value for value in values if value is not MISSING] or MISSING


def _single(line: Leaf, value: Any) -> None:
    if _translates(line) and isinstance(value, dict) and not is_absent(value):
        raise RecordError(
            "CB-301", f"a group stands where line {line.place} expects one value", field=line.other.text,
            expected="one value",
        )  # fmt: skip


def _coded(line: Leaf, turn: Callable[[Any], Any], value: Any, path: str) -> Any:
    try:
        return turn(value)
    except KeyError:
        pass
    table, reads = (line.codes.name, turn == line.codes.read) if line.codes else ("", False)
    known = [row.other if reads else row.case for row in line.codes.rows] if line.codes else []
    ours = not reads and text_of(value) in schema.plain_codes()
    said = f"`{value}`" if ours else shown(value, known)
    raise line.place.error(
        "CB-205", f"the code {said} at `{path}` has no row in the code table `{table}`",
        remedy=f"If it is a code of theirs, add a row for it to `{table}` in an overlay of your own (in "
        f"{line.codes.place if line.codes else line.place} only if that map is your own), with `import` as its third "
        "cell if only this partner writes it; then replay the record. If it is a mistake, ask the partner to correct "
        "the record and send it again.",
    )  # fmt: skip


def shown(value: Any, known: Iterable[str | bool]) -> str:
    """A code as it is where it has the form of the table's own codes, else its shape: it may be anything.

    A name that slid into the column of a code must not stand in a log. So at most 3 digits among digits, at most 8
    small letters among such words, at most 3 capitals, and never longer than the longest code of that form.
    """
    text = text_of(value)
    for form in _CODE_FORMS:
        longest = max((len(text_of(code)) for code in known if form.fullmatch(text_of(code)[:8])), default=0)
        if form.fullmatch(text) and len(text) <= longest:
            return f"`{text}`"
    return mask(value)


def _converted(line: Leaf, turn: Callable[[Any], Any], value: Any, path: str) -> Any:
    try:
        return turn(value)
    except CaseBridgeError:
        raise
    except (ValueError, TypeError, AttributeError):
        name = line.convert.name if line.convert else ""
        about = (line.convert.about if line.convert else "") or name
        raise RecordError(
            "CB-301", f"the converter `{name}` of {line.place} cannot take this value", field=path,
            expected=about, found=value,
        ) from None  # fmt: skip
