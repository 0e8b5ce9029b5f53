"""Walks the segments of one root loop (the header, or one 2000 loop) along the guide into nested dicts.

Tolerant where tolerance is safe: any order of segments inside a loop and of loops beside each other. What the guide
does not know is kept, raw, under ``unknown`` of the loop where it stood, with a warning. A party that the guide does
not know (NM1 with another code) takes its address and numbers with it, so that they never pass for the member's own.
"""

from __future__ import annotations

from typing import Any

from casebridge_x12.checks import Problem, clean, problems
from casebridge_x12.guide import Loop, SegmentRule
from casebridge_x12.reader import Segment
from casebridge_x12.segments import native


class _Open:
    """A loop being read. ``phase`` grows with the loops opened in it: what the guide places before them is over."""

    __slots__ = ("data", "loop", "phase", "start")

    def __init__(self, loop: Loop, start: int) -> None:
        self.loop, self.start, self.phase = loop, start, 0
        self.data: dict[str, Any] = {}


class Walk:
    """``data`` is the nested record, ``problems`` what was found on the way."""

    def __init__(self, root: Loop, segments: list[Segment]) -> None:
        self._stack = [_Open(root, segments[0].number)]
        self._stranger = False  # inside a party the guide does not know
        self.data = self._stack[0].data
        self.problems: list[Problem] = []
        for segment in segments:
            self._take(segment)
        self._close(0)

    def _take(self, segment: Segment) -> None:
        tag = segment.elements[0]
        code = segment.elements[1] if len(segment.elements) > 1 else ""
        if not (self._exactly(segment, tag, code) or self._nearly(segment, tag)):
            self._keep_unknown(segment, tag)

    def _exactly(self, segment: Segment, tag: str, code: str) -> bool:
        """The innermost loop that has this segment with this code, or has a loop that begins with it."""
        for depth in range(len(self._stack) - 1, -1, -1):
            here = self._stack[depth]
            if tag in here.loop.rules and not self._stranger:
                for rule in here.loop.rules[tag]:
                    if (not rule.codes or code in rule.codes) and rule.phase >= here.phase and self._own(here, rule):
                        return self._put(depth, rule, segment)
            for child in here.loop.opened_by.get(tag, ()):
                if child.first.takes(code) and (child.most > 1 or child.id not in here.data):
                    return self._open(depth, child, segment)
        return False

    def _nearly(self, segment: Segment, tag: str) -> bool:
        """The same segment with a code the guide does not list: kept where it stands, the code is a warning."""
        if self._stranger:
            return False
        for depth in range(len(self._stack) - 1, -1, -1):
            here = self._stack[depth]
            for rule in here.loop.rules.get(tag, ()):
                roomy = rule.most > 1 or tag == "PER"  # what stands once is known by its code; PER by its loop
                if roomy and rule.phase >= here.phase and self._own(here, rule):
                    return self._put(depth, rule, segment)
        return False

    @staticmethod
    def _own(here: _Open, rule: SegmentRule) -> bool:
        """Not the loop's first segment again, and not a second one where the guide has room for one."""
        return rule.tag not in here.data if rule.tag in here.loop.singles else rule is not here.loop.first

    def _put(self, depth: int, rule: SegmentRule, segment: Segment) -> bool:
        if len(self._stack) > depth + 1:
            self._close(depth + 1)
        here = self._stack[depth]
        number, delimiters, elements = segment[:3]
        if not clean(rule, elements):
            self.problems += problems(rule, number, here.loop.id, elements, delimiters)
        data = native(rule, elements, delimiters)
        if rule.tag in here.loop.singles:
            here.data[rule.tag] = data
        else:
            here.data.setdefault(rule.tag, []).append(data)
        self._stranger = False
        return True

    def _open(self, depth: int, loop: Loop, segment: Segment) -> bool:
        self._close(depth + 1)
        here, child = self._stack[depth], _Open(loop, segment.number)
        here.phase = max(here.phase, loop.order + 1)
        if loop.most == 1:
            here.data[loop.id] = child.data
        else:
            here.data.setdefault(loop.id, []).append(child.data)
        self._stack.append(child)
        return self._put(depth + 1, loop.first, segment)

    def _keep_unknown(self, segment: Segment, tag: str) -> None:
        here = self._stack[-1]
        raw = segment.delimiters.element.decode("ascii").join(segment.elements)
        here.data.setdefault("unknown", []).append({"segment": segment.number, "raw": raw})
        self._stranger = self._stranger or any(tag in open_.loop.opened_by for open_ in self._stack)
        self.problems.append(
            Problem(segment.number, here.loop.id, f"{here.loop.id} {tag[:3]}",
                    "the guide has no room for this segment here; it is kept but not read", "", None, hold=False)
        )  # fmt: skip

    def _close(self, depth: int) -> None:
        """Closes the loops from ``depth`` inwards and says what they lack."""
        while len(self._stack) > depth:
            self._missing(self._stack.pop())

    def _missing(self, done: _Open) -> None:
        for rule in done.loop.required_rules:
            if not _present(done, rule):
                self._lacks(done, f"{done.loop.id} {rule.tag}", rule.name, rule.on_error)
        for child in done.loop.required_loops:
            if child.id not in done.data:
                self._lacks(done, f"{child.id} {child.first.tag}", child.name, child.on_error)

    def _lacks(self, done: _Open, field: str, name: str, on_error: str) -> None:
        self.problems.append(
            Problem(done.start, done.loop.id, field, "a required segment is missing", name, None,
                    hold=bool(on_error), missing=True)
        )  # fmt: skip


def _present(done: _Open, rule: SegmentRule) -> bool:
    found = done.data.get(rule.tag)
    if not isinstance(found, list) or not rule.codes:
        return bool(found is not None)
    return any(item.get("01") in rule.codes for item in found)
