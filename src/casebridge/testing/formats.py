"""Is a format a codec that can be trusted with a stranger's bytes?"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from casebridge.adapter import Format, Native
from casebridge.adapter_check import check_format as check_contract
from casebridge.core.errors import Position, RecordError, error_codes
from casebridge.core.finding import Checking, Finding
from casebridge.testing.fakes import a_context, a_release, a_render_context
from casebridge.testing.verdict import Verdict

DEEP = (b"{" * 5000, b"[" * 5000, b'{"a":' * 5000)
NOISE = (b"", b"\0" * 64, b"\xff\xfe\xfd", b"\x1f\x8b\x08\0", b"PK\3\4", b"," * 5000, b"\n" * 99, b"ISA*", *DEEP)
STRANGER = "parse yields something else than Native and RecordError"
Shapes = Mapping[str, Mapping[str, Any]]


def check_format(
    cls: type[Format],
    samples: Sequence[bytes],
    *,
    settings: Mapping[str, Any] | None = None,
    shapes: Shapes | None = None,
    round_trip: bool = True,
) -> None:
    """Raise NotConforming unless the format keeps its contract on every sample, cut samples and noise.

    ``samples`` are good payloads, ``settings`` what a site would write, ``shapes`` each map's ``shape:``.
    With ``round_trip`` a format that can render must give back the records that it parsed.
    """
    verdict = Verdict(f"format {getattr(cls, 'name', cls)!s}")
    verdict.contract(check_contract, cls)
    verdict.expect(samples, "there are no samples to try it on")
    codec = cls(cls.Settings(**(settings or {})), a_context())
    for sample in samples:
        _check_sample(verdict, codec, sample, shapes or {})
        if round_trip and {"parse", "render"} <= cls.capabilities:
            _check_round_trip(verdict, codec, sample, shapes or {})
    for noise in (*NOISE, *(cut for sample in samples for cut in _cuts(sample))):
        _check_noise(verdict, codec, noise, shapes or {})
    verdict.close()


def _check_sample(verdict: Verdict, codec: Format, sample: bytes, shapes: Shapes) -> None:
    verdict.expect(_identity(verdict, codec, sample) == _identity(verdict, codec, sample), "identity varies")
    _check_checks(verdict, codec, sample)
    if "parse" not in codec.capabilities:
        return
    parsed = codec.parse(io.BytesIO(sample), shapes)
    if not verdict.expect(isinstance(parsed, Iterator), "parse returns a whole list; it must stream (use yield)"):
        return
    records = list(parsed)
    natives = [r for r in records if isinstance(r, Native)]
    verdict.expect(natives, "parse finds no record in a sample")
    verdict.expect(all(isinstance(r, Native | RecordError) for r in records), STRANGER)
    for native in natives:
        _check_native(verdict, native)
    placed = [n for n in natives if n.position != Position()]
    verdict.expect(len(natives) == 1 or natives == placed, "records do not say where they stand (position)")
    keys = [(n.type, n.external_id) for n in natives]
    verdict.expect(len(keys) == len(set(keys)), "two records of one payload have the same type and external_id")
    again = [r for r in codec.parse(io.BytesIO(sample), shapes) if isinstance(r, Native)]
    verdict.expect(natives == again, "parsing the same bytes twice gives different records")


def _check_native(verdict: Verdict, native: Native) -> None:
    verdict.expect("/" in native.type, f'the type {native.type!r} is not "<system>/<record>"')
    verdict.expect(native.external_id, f"a {native.type} has no external_id")
    for leaf in _strange_leaves(native.data):
        verdict.expect(False, f"a {native.type} holds a {leaf}; expected text, int, Decimal, bool or None")


def _strange_leaves(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        yield from (f"key of type {type(key).__name__}" for key in data if not isinstance(key, str))
        yield from (leaf for value in data.values() for leaf in _strange_leaves(value))
    elif isinstance(data, list):
        yield from (leaf for value in data for leaf in _strange_leaves(value))
    elif not isinstance(data, str | int | Decimal | None):
        yield type(data).__name__


def _check_round_trip(verdict: Verdict, codec: Format, sample: bytes, shapes: Shapes) -> None:
    natives = [r for r in codec.parse(io.BytesIO(sample), shapes) if isinstance(r, Native)]
    released = [a_release(native.data, native.type) for native in natives]
    try:
        files = list(codec.render(released, a_render_context()))
        back = [r for f in files for r in codec.parse(io.BytesIO(f.data), shapes) if isinstance(r, Native)]
    except RecordError as error:
        verdict.expect(False, f"rendering what it parsed is refused: {error.code}")
        return
    indexes = sorted(index for file in files for index in file.records)
    verdict.expect(indexes == list(range(len(natives))), "the files' records are not each record once")
    verdict.expect(_bag(back) == _bag(natives), "parse(render(parse(x))) is not parse(x)")


def _bag(natives: list[Native]) -> list[tuple[str, str, str]]:
    return sorted((n.type, n.external_id, repr(n.data)) for n in natives)


def _check_noise(verdict: Verdict, codec: Format, noise: bytes, shapes: Shapes) -> None:
    _identity(verdict, codec, noise)
    _check_checks(verdict, codec, noise)
    if "parse" not in codec.capabilities:
        return
    try:
        for record in codec.parse(io.BytesIO(noise), shapes):
            verdict.expect(isinstance(record, Native | RecordError), STRANGER)
    except RecordError:
        return
    except Exception as error:  # noqa: BLE001 - whatever it raises is the finding
        verdict.expect(False, f"parse raises {type(error).__name__} on {_shown(noise)}; expected RecordError")


def _check_checks(verdict: Verdict, codec: Format, data: bytes) -> None:
    """A format that checks tells findings of our codes, also of what it cannot read, and says what it recognises."""
    if "check" not in codec.capabilities:
        return
    if not isinstance(codec, Checking):
        verdict.expect(False, "it declares check without the methods recognises and check")
        return
    verdict.expect(codec.recognises(data) in (True, False), "recognises answers neither True nor False")
    try:
        for found in codec.check(io.BytesIO(data)):
            known = isinstance(found, Finding) and found.code in error_codes()
            verdict.expect(known, "check yields something else than Findings with a code of errors.csv")
    except RecordError:
        return
    except Exception as error:  # noqa: BLE001 - whatever it raises is the finding
        verdict.expect(False, f"check raises {type(error).__name__} on {_shown(data)}; expected RecordError")


def _identity(verdict: Verdict, codec: Format, data: bytes) -> str | None:
    try:
        return codec.identity(io.BytesIO(data))
    except Exception as error:  # noqa: BLE001 - whatever it raises is the finding
        verdict.expect(False, f"identity raises {type(error).__name__} on {_shown(data)}; expected a key or None")
        return None


def _cuts(sample: bytes) -> Iterator[bytes]:
    for parts in (1, 2, 3, 5, 9):
        yield sample[: len(sample) * parts // 10]


def _shown(data: bytes) -> str:
    return f"{len(data)} bytes of which the first are {data[:8]!r}" if data in NOISE else f"a sample cut at {len(data)}"
