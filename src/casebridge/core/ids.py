"""Ids that sort by time: what is new lies at the end of every index, and a commit of many touches few of its pages."""

from __future__ import annotations

import secrets
import threading
import time

_last_id = 0
_last_id_lock = threading.Lock()
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [a + b for a in _LETTERS for b in _LETTERS]


def new_id() -> str:
    """A ULID: 26 characters, sorted by time, and in order within this process also inside one millisecond."""
    global _last_id
    now = time.time_ns() // 1_000_000 << 80
    with _last_id_lock:
        _last_id = now | secrets.randbits(80) if now > _last_id else _last_id + 1
        id_ = _last_id
    return "".join([_PAIRS[id_ >> shift & 1023] for shift in range(120, -1, -10)])
