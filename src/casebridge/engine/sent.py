"""What a partner was sent before, as far as it is kept, and what would be sent now."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from casebridge.adapter import Native, OutFile, RenderContext
from casebridge.core.errors import CaseBridgeError
from casebridge.core.jsontext import loads
from casebridge.engine.difference import Place, places
from casebridge.engine.preparing import Prepared
from casebridge.engine.site import Partner
from casebridge.store import dispatches
from casebridge.store.database import Connection
from casebridge.store.ledger import Message

MOST_PLACES = 200
"""Of one message; whatever is more is only counted as that."""


@dataclass(frozen=True, slots=True)
class Before:
    """A dispatch that was sent: when it was rendered, the message's files (none: erased by the retention policy, or not
    to be told from others'), and whether nothing else is in them."""

    id: str
    rendered: datetime
    files: tuple[OutFile, ...]
    alone: bool


def before(c: Connection, message: Message) -> Before | None:
    """What was sent of this message last; None when it never was."""
    id_ = (message.about.get("again") or {}).get("dispatch") or message.dispatch or ""
    known = dispatches.get(c, id_) if id_ else None
    if known is None or known.state != "sent":
        return None
    files = dispatches.files_of(c, [id_]).get(id_, ())
    in_all = len({number for file in files for number in file.records})
    if in_all > 1:
        files = _its_own(files, message.about.get("again") or {}, in_all)
    alone = all(len(file.records) <= 1 for file in files)
    return Before(id_, datetime.fromisoformat(known.prepared_at), files, alone)


def _its_own(files: Sequence[OutFile], again: Mapping[str, Any], in_all: int) -> tuple[OutFile, ...]:
    """The files it stands in; none when others of them were sent again since, and nobody can tell which are its own."""
    if again.get("of") != in_all:
        return ()
    return tuple(file for file in files if again["place"] in file.records)


def compared(partner: Partner, was: Before, prepared: Prepared) -> list[Place] | None:
    """Where what would be sent now differs from what was sent, rendered under the same name and moment.

    None when it cannot be told from what else is in a file of many.
    """
    context = RenderContext(was.id, was.rendered, partner.environment, partner.name)
    now = tuple(partner.format.render([prepared.released], context))
    if was.alone and [f.data for f in now] == [f.data for f in was.files]:
        return []
    old, new = _documents(partner, was.files, alone=was.alone), _documents(partner, now, alone=was.alone)
    if not was.alone:  # the rest of that file is about others
        old = {key: document for key, document in old.items() if key in new}
        if not old:
            return None
    return list(islice(_places(old, new), MOST_PLACES))


def _places(old: dict[str, Any], new: dict[str, Any]) -> Sequence[Place]:
    (one,) = old.values() if len(old) == 1 else (None,)
    (other,) = new.values() if len(new) == 1 else (None,)
    if one is not None and other is not None and old.keys() == new.keys():
        return list(places(one, other))
    return list(places(old, new))


def _documents(partner: Partner, files: Sequence[OutFile], *, alone: bool) -> dict[str, Any]:
    """The documents in files, each by what it is called: the records as the format reads them, or what a file of its
    own says as JSON or line by line."""
    found: dict[str, Any] = {}
    for number, file in enumerate(files):
        if alone and "json" in file.media_type:
            found[str(number + 1)] = loads(file.data)
        elif records := _records(partner, file):
            found |= records
        elif alone:
            found[str(number + 1)] = file.data.decode(errors="replace").splitlines()
    return found


def _records(partner: Partner, file: OutFile) -> dict[str, Any]:
    try:
        read = list(partner.format.parse(io.BytesIO(file.data), partner.shapes))
    except CaseBridgeError:
        return {}  # some formats write what they do not read: it is compared line by line
    return {f"{n.type} {n.external_id}": n.data for n in read if isinstance(n, Native)}
