"""Conditions as Python expressions over locals."""

from __future__ import annotations

import re
from collections.abc import Iterable

from casebridge.mapping.compiled.text import Source, literal
from casebridge.mapping.paths import Condition

_TEXT_OF_OTHERS = re.compile(
    r"(?i)true|false|none|[-+]?(\d[\d_.]*|\.\d+)(e[-+]?\d+)?|[-+]?(inf(inity)?|s?nan\d*)|[({\[].*"
)


def plain_keys(selectors: Iterable[tuple[Condition, ...]]) -> list[str]:
    """The fields that short selectors compare, once each."""
    return list(dict.fromkeys(c.path.steps[0].key for selector in selectors for c in selector))


def text_only(values: Iterable[str]) -> bool:
    """Only a text can be equal to one of these: they are no spelling of a number or of true and false."""
    return not any(_TEXT_OF_OTHERS.fullmatch(value) for value in values)


def test(source: Source, condition: Condition, local: str) -> str:
    """The expression that is true when what ``local`` holds meets the condition."""
    if condition.test == "present":
        return f"({local} != '' if type({local}) is str else {local} is not None and present({local}))"
    if condition.test == "absent":
        return f"({local} == '' if type({local}) is str else {local} is None or lacking({local}))"
    if condition.test == "boolean":
        return f"type({local}) is bool"
    if condition.test == "moment":
        return f"(type({local}) is str and moment({local}))"
    values = condition.values
    several = f"{local} in ({', '.join(map(literal, values))})"
    equal = f"{local} == {literal(values[0])}" if len(values) == 1 else several
    if text_only(values):
        return equal
    texts = source.constant("V", values)
    return f"({equal} or type({local}) is not str and {local} is not None and same({local}, {texts}))"
