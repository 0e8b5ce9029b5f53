"""A converter: one value spelled two ways, with the law it keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Converter:
    """A named pair: ``read`` turns their spelling into ours, ``write`` ours into theirs.

    Law: *exact* (both compositions are the identity), *canonical* (write(read(x)) may re-spell x),
    *lossy* (information goes; the map must sign it). ``samples`` are pairs (theirs, ours); the law is tested on them.
    Both raise ValueError on a value they cannot take. One that is ``whole`` takes a list of groups as one value.
    """

    name: str
    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    law: Literal["exact", "canonical", "lossy"]
    samples: tuple[tuple[Any, Any], ...]
    about: str = ""
    whole: bool = False
