"""What a map cannot reach: parents that are theirs, values the format demands, and first items of many."""

from __future__ import annotations

from collections.abc import Iterator

from casebridge.core.native import Element
from casebridge.mapping.checking.places import At, Spot, keys_of, spelled, steps_of
from casebridge.mapping.checking.report import Finding
from casebridge.mapping.checking.survey import Stand, Survey


def check(found: Survey) -> Iterator[Finding]:
    """Lines that only write, where only the partner writes."""
    for stand in found.stands:
        never = not stand.ways and stand.role in ("value", "flag", "list")
        if never and stand.line.ways == {"export"} and "export" not in stand.ways:
            yield Finding(
                "CB-226", stand.line.place, f"`{spelled(stand.other)}` belongs to a record that only the partner "
                "writes, and this line is `only: export`",
                "The line would never do anything.",
                "Take the line away, or say `owner: ours` in `shape:` if we write that record.",
            )  # fmt: skip


def demands(found: Survey, root: Element | None) -> Iterator[Finding]:
    """What the format wants in every record, and no line writes."""
    definition = found.definition
    if root is None or definition.only == "import":
        return
    written = {keys_of(spot) for spot in _written(found)}
    for name, element in root.fields.items():
        if element.required and element.owner == "ours" and not any(keys[:1] == (name,) for keys in written):
            yield Finding(
                "CB-230", definition.place,
                f"`{definition.other}` wants `{name}` in every record, and no line writes it",
                "A new record would be refused by the partner, or the format adds it by itself.",
                f"Add a line for `{name}`, or a constant under `match:` or `defaults: {{export: ...}}`.",
            )  # fmt: skip


def _written(found: Survey) -> Iterator[Spot]:
    """What lines, the constants of branches, ``match`` and ``defaults`` write."""
    yield from (stand.other for stand in found.stands if "export" in stand.ways)
    yield from (steps_of(c.path) for c in found.definition.match)
    yield from (steps_of(path) for path, _ in found.definition.defaults.get("export", ()))
    for fork in found.forks:
        for branch in fork.line.branches if "export" in fork.ways else ():
            yield from (fork.other + steps_of(c.path) for c in branch.other if c.test == "equal")


def first_items(found: Survey) -> Iterator[Finding]:
    """Places that are the first of many: read and written there, and nothing is deleted while there are more."""
    told: set[Spot] = set()
    for stand in found.stands:
        if "export" not in stand.ways:
            continue
        for i, step in enumerate(stand.other):
            spot = (*stand.other[:i], At(step.key))
            if step.selector == () and spot not in told:
                told.add(spot)
                yield _first(stand, spot)


def _first(stand: Stand, spot: Spot) -> Finding:
    return Finding(
        "CB-234", stand.line.place, f"`{spelled(spot)}()` is the first item, whatever it holds",
        "Other items are kept and not read; while there are several, nothing is deleted there.",
        "Name what tells the item from others if you know it.",
    )  # fmt: skip
