"""Which lines speak of one value of a slice. The lines' case paths stand in a tree, so that long maps cost no more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from casebridge.mapping.generate.claims import Claim, Steps
from casebridge.mapping.paths import Condition
from casebridge.mapping.walk import Where, holds_all, items_of

Selector = tuple[Condition, ...]


class Speaking:
    """A map's lines by their case paths: ``speaking(where, node)`` gives those for the value at a place.

    ``where`` counts from the map's case root, which is ``node``. A line speaks of what stands at or below its path,
    if the selectors on the way are met.
    """

    def __init__(self, found: Iterable[Claim]) -> None:
        self.root = _Step()
        for i, claim in enumerate(found):
            self.root.put(claim.case, i, claim)

    def __call__(self, where: Where, node: Any) -> list[Claim]:
        found = list(self.root.speaking(where, 0, node))
        return [claim for _, claim in sorted(found, key=_first)] if len(found) > 1 else [claim for _, claim in found]


class _Step:
    """What stands at one path: the lines that end here, and the steps on.

    ``named`` are the selectors that compare one text first, by that text: a list may have a hundred of them.
    """

    __slots__ = ("lines", "named", "plain", "selected")

    def __init__(self) -> None:
        self.lines: list[tuple[int, Claim]] = []
        self.plain: dict[str, _Step] = {}
        self.selected: dict[str, dict[Selector, _Step]] = {}
        self.named: dict[str, dict[str, dict[str, list[Selector]]]] = {}

    def put(self, steps: Steps, i: int, claim: Claim) -> None:
        """The line, below the steps."""
        if not steps:
            self.lines.append((i, claim))
        elif steps[0].selector is None:
            self.plain.setdefault(steps[0].key, _Step()).put(steps[1:], i, claim)
        else:
            self._selected(steps[0].key, steps[0].selector).put(steps[1:], i, claim)

    def _selected(self, key: str, selector: Selector) -> _Step:
        steps = self.selected.setdefault(key, {})
        if selector not in steps:
            steps[selector] = _Step()
            by_text = self.named.setdefault(key, {}).setdefault(_named(selector), {})
            for text in selector[0].values if _named(selector) else ("",):
                by_text.setdefault(text, []).append(selector)
        return steps[selector]

    def speaking(self, where: Where, at: int, node: Any) -> Iterator[tuple[int, Claim]]:
        """The lines here and on the way to ``where``."""
        yield from self.lines
        while at < len(where) and isinstance(node, list):
            node, at = _item(node, where[at]), at + 1
        if at >= len(where):
            return
        key = where[at]
        if key in self.plain:
            yield from self.plain[key].speaking(where, at + 1, node[key])
        if key not in self.selected:
            return
        node, at = node[key], at + 1
        if isinstance(node, list) and at < len(where):
            node, at = _item(node, where[at]), at + 1
        for selector in self._near(key, node):
            if any(holds_all(selector, item) for item, _ in items_of(node, ())):
                yield from self.selected[key][selector].speaking(where, at, node)

    def _near(self, key: str | int, node: Any) -> Iterator[Selector]:
        """The selectors that may be met: those are out that want another text than plainly stands there."""
        for name, by_text in self.named[key].items():  # type: ignore[index]
            said = node.get(name) if name and isinstance(node, dict) else None
            if isinstance(said, str):
                yield from by_text.get(said, ())
            else:
                yield from dict.fromkeys(selector for selectors in by_text.values() for selector in selectors)


def _named(selector: Selector) -> str:
    """The key whose text the selector compares first, if that is how it begins."""
    first = selector[0] if selector else None
    if first is None or first.test != "equal" or len(first.path.steps) != 1 or first.path.steps[0].selector is not None:
        return ""
    return first.path.steps[0].key


def _first(pair: tuple[int, Claim]) -> int:
    return pair[0]


def _item(items: list[Any], index: str | int) -> Any:
    return items[index] if isinstance(index, int) else None
