"""The first stop's work at a link: what is new, cut into what is committed together, and telling its senders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from casebridge.adapter import Link, Outcome, Payload
from casebridge.core.errors import CaseBridgeError
from casebridge.engine import intake
from casebridge.engine.intake import Spooled
from casebridge.engine.site import Partner

TOGETHER = 200
"""Payloads that are committed together, of"""
BYTES = 16 * 1024 * 1024
"""so many bytes; a larger one goes by itself."""
IN_A_ROW = 3
"""Senders that could not be told: then it is the link and not the payload, and the rest comes again."""

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


def settle(link: Link, batch: Sequence[Taken], outcomes: Sequence[Outcome], failures: list[Exception]) -> list[str]:
    """Tell each sender; the tokens of those that were told. One that cannot be told keeps no other back: why is added
    to ``failures``, and the payload is known when it comes again."""
    told: list[str] = []
    missed = 0
    for (payload, _), outcome in zip(batch, outcomes, strict=True):
        try:
            link.settle(payload, outcome)
        except Exception as error:  # noqa: BLE001 - a link is a stranger's code; it is raised again
            failures.append(error)
            missed += 1
            if missed == IN_A_ROW:
                break
            continue
        missed = 0
        told += [token] if (token := intake.token_of(payload)) else []
    return told
