"""A limit on all of a call that itself only knows how long it may be silent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, call: Callable[[float], T]) -> T:
    """What ``call`` gives, on a thread of its own; TimeoutError when it has not ended by then.

    It is told until when (``time.monotonic``) anybody listens, and is left behind when it goes on after that.
    """
    done: Future[T] = Future()
    until = time.monotonic() + seconds

    def work() -> None:
        try:
            done.set_result(call(until))
        except BaseException as error:  # noqa: BLE001 - whoever waits hears of it
            done.set_exception(error)

    threading.Thread(target=work, name="casebridge-within", daemon=True).start()
    return done.result(seconds)
