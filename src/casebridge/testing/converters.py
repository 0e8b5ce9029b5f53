"""Does a converter keep the law it declares?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from casebridge.adapter import Converter
from casebridge.adapter_check import check_converter as check_contract
from casebridge.testing.verdict import Verdict

HOSTILE = ("", " ", "\0", "\N{RIGHT-TO-LEFT OVERRIDE}", "no such value", "-", "9" * 400, "x" * 5000)


def check_converter(converter: Converter) -> None:
    """Raise NotConforming unless the law holds on every sample and bad text is a ValueError."""
    verdict = Verdict(f"converter {getattr(converter, 'name', converter)!s}")
    verdict.contract(check_contract, converter)
    for theirs, ours in converter.samples:
        _check_sample(verdict, converter, theirs, ours)
    for direction in ("read", "write"):
        _check_refusals(verdict, converter, direction)
    verdict.close()


def _check_sample(verdict: Verdict, converter: Converter, theirs: Any, ours: Any) -> None:
    read = verdict_of(verdict, "read", converter.read, theirs)
    verdict.expect(read == ours, f"read({theirs!r}) is {read!r}, the sample says {ours!r}")
    written = verdict_of(verdict, "write", converter.write, ours)
    if converter.law == "exact":
        verdict.expect(written == theirs, f"exact, but write({ours!r}) is {written!r}, not {theirs!r}")
    if converter.law == "canonical":
        again = verdict_of(verdict, "read", converter.read, written)
        verdict.expect(again == ours, f"canonical, but read(write({ours!r})) is {again!r}")


def _check_refusals(verdict: Verdict, converter: Converter, direction: str) -> None:
    convert = getattr(converter, direction)
    side = 0 if direction == "read" else 1
    if not all(isinstance(pair[side], str) for pair in converter.samples):
        return  # the other kinds of value are refused by the case model or the format
    for value in HOSTILE:
        try:
            convert(value)
        except ValueError:
            continue
        except Exception as error:  # noqa: BLE001 - whatever it raises is the finding
            shown = f"{value[:20]!r} ({len(value)} characters)"
            verdict.expect(False, f"{direction}({shown}) raises {type(error).__name__}; expected ValueError")


def verdict_of(verdict: Verdict, name: str, convert: Callable[[Any], Any], value: Any) -> Any:
    """The value converted, or None with the problem noted."""
    try:
        return convert(value)
    except Exception as error:  # noqa: BLE001 - whatever it raises is the finding
        verdict.expect(False, f"{name}({value!r}) raises {type(error).__name__} on a sample")
        return None
