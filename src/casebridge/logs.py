"""Logs: one place that says how they look, what belongs to each line, and what may never stand in one.

Modules log with the standard library. ``serve`` and ``work`` call ``start``; then every line is one JSON object on
stderr (plain text on a terminal) with the lane, the message and the referral it is about. A line of somebody else's
package keeps its template only: what a library puts into it may be a piece of a record. A line about a message of a
partner behind a wall names neither the partner nor the referral: together they would tell of somebody's violence or
treatment (34 U.S.C. 12291(b)(2); 42 CFR 2.12).
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Collection, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Literal, TextIO, get_args

import structlog
from structlog.contextvars import bound_contextvars, merge_contextvars

Level = Literal["debug", "info", "warning", "error"]
OURS = "casebridge"
EVENTS = "casebridge.events"
"""A line for each message at each stop, with ``debug``; else only for those that are held."""
NOT_NAMED = "not-named"
"""What stands for a partner behind a wall."""
NOT_SHOWN = "(the text of a library is not shown: it may quote a record)"


def start(
    level: Level = "info", stream: TextIO | None = None, *, as_json: bool | None = None, walled: Collection[str] = ()
) -> None:
    """Log to ``stream`` (stderr) from now on; JSON unless it is a terminal. CASEBRIDGE_LOG names another level.

    ``walled`` partners are not named with what goes to them or comes from them.
    """
    asked, to = os.environ.get("CASEBRIDGE_LOG", "").lower(), stream or sys.stderr
    level = asked if asked in get_args(Level) else level  # type: ignore[assignment]
    writing = logging.StreamHandler(to)
    writing.setFormatter(_formatter(walled, json=not to.isatty() if as_json is None else as_json))
    logging.basicConfig(handlers=[writing], level=logging.WARNING, force=True)
    chosen = getattr(logging, level.upper())
    logging.getLogger(OURS).setLevel(chosen)
    logging.getLogger(EVENTS).setLevel(logging.DEBUG if level == "debug" else max(chosen, logging.WARNING))


@contextmanager
def bound(**values: Any) -> Iterator[None]:
    """Lines written inside carry these values; never personal data."""
    with bound_contextvars(**{name: value for name, value in values.items() if value not in (None, "")}):
        yield


@contextmanager
def about(item: Any) -> Iterator[None]:
    """Lines written inside are about this message, or what carries one."""
    message = getattr(item, "message", item)
    with bound(message=getattr(message, "id", None), correlation=getattr(message, "correlation", None),
               partner=getattr(message, "partner", None), stop=getattr(message, "stop", None)):  # fmt: skip
        yield


class _Quiet(structlog.stdlib.ProcessorFormatter):
    """An exception as its class and place; a stranger's line as its template."""

    def format(self, record: logging.LogRecord) -> str:
        line = logging.makeLogRecord(record.__dict__)
        if line.name != OURS and not line.name.startswith(f"{OURS}."):
            line.msg, line.args = str(line.msg) if line.args else NOT_SHOWN, ()
        failed = line.exc_info[1] if line.exc_info else None
        line.exc_info = line.exc_text = line.stack_info = None
        if failed is None:
            return super().format(line)
        with bound(unexpected=type(failed).__name__, place=_place(failed)):
            return super().format(line)


def _formatter(walled: Collection[str], *, json: bool) -> logging.Formatter:
    last: Any = structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=False)
    return _Quiet(
        foreign_pre_chain=[
            merge_contextvars, _Wall(frozenset(walled)),
            structlog.stdlib.add_logger_name, structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        ],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
    )  # fmt: skip


class _Wall:
    """A line about a message of a walled partner, without its name and without the referral."""

    def __init__(self, walled: frozenset[str]) -> None:
        self.walled = walled

    def __call__(self, _logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        stop, _, rest = str(line.get("lane", "")).partition("/")
        of_lane, _, part = rest.partition("/")
        names = {line.get("partner"), of_lane} & self.walled
        of_somebody = line.get("partner") == NOT_NAMED or {"message", "correlation"} & line.keys()
        if not (names and of_somebody):
            return line
        line.pop("correlation", None)
        line["partner"] = NOT_NAMED
        if of_lane in names:
            line["lane"] = f"{stop}/{NOT_NAMED}/{part}"
        words = str(line["event"]).split(" ")
        line["event"] = " ".join(NOT_NAMED if word in names else word for word in words)
        return line


def _place(error: BaseException) -> str:
    """File and line where an error arose."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
