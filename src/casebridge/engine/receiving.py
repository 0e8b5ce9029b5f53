"""The first stop's work at a link: what is new, cut into what is committed together."""

from __future__ import annotations

from collections.abc import Iterator

from casebridge.adapter import Payload
from casebridge.core.errors import CaseBridgeError
from casebridge.engine import intake
from casebridge.engine.intake import Spooled
from casebridge.engine.site import Partner

TOGETHER = 200
"""Payloads that are committed together, of"""
BYTES = 16 * 1024 * 1024
"""so many bytes; a larger one goes by itself."""

Taken = tuple[Payload, Spooled | CaseBridgeError]


def batches(partner: Partner, cursor: str | None) -> Iterator[list[Taken]]:
    """What the link has since ``cursor``, each payload read before the next is asked for.

    What came before a failure of the link, or a payload that broke off, is given first; then the failure is raised.
    """
    batch: list[Taken] = []
    size = 0
    failure: list[Exception] = []
    for payload, taken in _until_failure(_taken(partner, cursor), failure):
        batch.append((payload, taken))
        size += taken.size if isinstance(taken, Spooled) else 0
        if len(batch) == TOGETHER or size >= BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
    for error in failure:
        raise error


def _taken(partner: Partner, cursor: str | None) -> Iterator[Taken]:
    assert partner.link is not None  # noqa: S101  (a lane of its own says so)
    for payload in partner.link.receive(cursor):
        yield payload, intake.taken(partner, payload)


def _until_failure(found: Iterator[Taken], failure: list[Exception]) -> Iterator[Taken]:
    try:
        yield from found
    except Exception as error:  # noqa: BLE001 - a link is a stranger's code; it is raised again
        failure.append(error)
