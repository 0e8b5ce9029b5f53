"""The heads of seals in the gateway's own log, as JSON lines and as plain text."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from ledgers import Books

from casebridge import logs
from casebridge.engine import chain
from casebridge.store import seals


@pytest.fixture(params=[True, False], ids=["json", "plain"])
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What is logged with the usual level; afterwards logging is as it was."""
    root, loggers = logging.getLogger(), [logging.getLogger(name) for name in ("", logs.OURS, logs.EVENTS)]
    handlers, levels = root.handlers[:], [logger.level for logger in loggers]
    stream = io.StringIO()
    logs.start(stream=stream, as_json=request.param)
    yield stream
    root.handlers[:] = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def test_every_head_is_in_the_log_and_can_be_read_back(tmp_path: Path, written: io.StringIO) -> None:
    books = Books(f"sqlite:///{tmp_path}/x.db")
    books.blocks("ab", "c", "defg")
    log = written.getvalue().encode().splitlines()
    with books.site.store.read() as c:
        made = [(seal.number, seal.last, seal.digest) for seal in seals.listed(c)]
    assert list(chain.heads(log)) == made
    assert (len(made), books.found(log)) == (3, [])
    books.close()
