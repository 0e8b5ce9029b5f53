"""The interchange header (ISA): 106 bytes by position, and the four separators it declares (X12.5, ISA)."""

from __future__ import annotations

from dataclasses import dataclass

from casebridge.core.errors import Position, RecordError

WIDTHS = (2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1)  # ISA01 to ISA16
ISA_LENGTH = 105  # without the terminator, which is byte 106
BREAKS = b"\r\n"


@dataclass(frozen=True, slots=True)
class Delimiters:
    """One ASCII byte each. ``repetition`` is empty where ISA11 is a letter (the 4010 habit ``U``)."""

    element: bytes
    component: bytes
    repetition: bytes
    terminator: bytes

    @property
    def wrapped(self) -> bool:
        """Line breaks inside segments mean nothing, unless one of them is the terminator."""
        return self.terminator not in (b"\r", b"\n")


def read_header(head: bytes, number: int) -> tuple[bytes, Delimiters, int]:
    """The ISA at the beginning of ``head``: its text, its delimiters and how many bytes it takes with its terminator.

    Line breaks before the terminator are skipped (files wrapped at 80 columns). ``number`` is the ISA's segment number.
    Raises RecordError CB-310 when it is no ISA, has other lengths or unusable separators, CB-312 when it is cut off.
    """
    if head[:3] != b"ISA":
        raise _wrong(number, "this is not the beginning of an X12 interchange", "ISA", head[:3])
    text, used = _unwrapped(head)
    _check_lengths(text, number)
    terminator = head[used : used + 1]
    letter = text[82:83]
    delimiters = Delimiters(text[3:4], text[104:105], b"" if letter.isalnum() else letter, terminator)
    _check_separators(delimiters, number)
    if terminator in text:
        raise _wrong(number, "the segment terminator stands inside the ISA", "it only at byte 106", terminator)
    return text, delimiters, used + 1


def _unwrapped(head: bytes) -> tuple[bytes, int]:
    text, used = bytearray(), 0
    while used < len(head) and len(text) < ISA_LENGTH:
        if head[used] not in BREAKS:
            text.append(head[used])
        used += 1
    return bytes(text), used


def _check_lengths(text: bytes, number: int) -> None:
    parts = text.split(text[3:4] or None)
    if tuple(len(part) for part in parts[1:]) == WIDTHS:
        return
    whole = parts[1:] if len(text) == ISA_LENGTH else parts[1:-1]  # the last one may be cut off
    for index, (part, width) in enumerate(zip(whole, WIDTHS[:-1], strict=False), 1):
        if len(part) != width:
            raise _wrong(number, f"the element is {len(part)} characters long", f"{width}", field=f"ISA{index:02}")
    if len(text) < ISA_LENGTH:
        raise RecordError("CB-312", f"the file ends after {len(text)} characters of the ISA",
                          position=Position(segment=number), expected="106 characters")  # fmt: skip
    raise _wrong(number, f"the ISA has {len(parts) - 1} elements in its 105 characters", "16")


def _check_separators(found: Delimiters, number: int) -> None:
    named = {
        "element separator (byte 4)": found.element,
        "repetition separator (ISA11)": found.repetition,
        "component separator (ISA16)": found.component,
        "segment terminator (byte 106)": found.terminator,
    }
    used: set[bytes] = set()
    for name, byte in named.items():
        if name.startswith("repetition") and not byte:
            continue
        if not byte:
            raise RecordError("CB-312", "the file ends with the ISA", position=Position(segment=number),
                              expected=f"a {name}")  # fmt: skip
        if not byte.isascii() or byte.isalnum() or byte == b" " or byte in used:
            raise _wrong(number, f"the ISA's {name} cannot be used", "a character used for nothing else", byte)
        used.add(byte)


def _wrong(number: int, message: str, expected: str, found: bytes | None = None, field: str = "ISA") -> RecordError:
    shown = None if found is None else found.decode("latin-1")
    return RecordError(
        "CB-310", message, position=Position(segment=number), field=field, expected=expected, found=shown
    )
