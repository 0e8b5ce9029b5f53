"""What was over with goes again: read anew with today's map, or decided and sent anew under its own key.

A replay keeps its message's place in the queue of its key: later ones that still wait go after it, none overtakes. What
was told since is not undone: a record that a later message wrote stays as it is, and of several messages that told a
partner of the same thing only the last is sent again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from casebridge.adapter import Native
from casebridge.core.belonging import external_id_of, subject_of
from casebridge.core.case import records_of
from casebridge.core.errors import CaseBridgeError, Held
from casebridge.engine import understanding
from casebridge.engine.site import Partner, Site
from casebridge.store import ledger, records, referrals, replays
from casebridge.store.database import Connection
from casebridge.store.ledger import Message

LATER = "a later message stands: {id} says the same or newer; replay that one"


@dataclass(frozen=True, slots=True)
class Wish:
    """Who replays, why, from which stop ("": where it stopped; ``understand``, ``prepare``), and whether what might
    reach a partner twice is sent all the same."""

    by: str = "command line"
    why: str = ""
    start: str = ""
    again: bool = False
    run: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        """For the books."""
        said = {"by": self.by, "why": self.why, "from": self.start, "run": self.run}
        return {name: value for name, value in said.items() if value}


def understand_again(c: Connection, site: Site, message: Message, native: Native, wish: Wish) -> None:
    """Today's map reads a record that was applied or passed over; then it is applied again.

    Raises what the map cannot read, and Held CB-532 when a later message wrote the record: nothing is changed then.
    """
    partner = site.partners[message.partner]
    values = understanding.understood(c, partner, native)
    left_over = values.pop("left_over", [])
    if values["state"] == "held":
        raise Held(values["code"], values["reason"], who=values["who"], remedy=values["remedy"])
    slice_ = (values.get("document") or {}).get("slice", {})
    if (later := _written_later(c, partner, message, native.external_id, slice_)) is not None:
        raise Held("CB-532", LATER.format(id=later))
    values["about"] = {**values.get("about", {}), "again": {"twice": wish.again}}
    maps = {"map": values.get("map_digest", ""), "map_before": message.map_digest}
    ledger.change(c, message, site.now(), due_at=site.now(), attempt=0, external_id=native.external_id or None,
                  order_key=partner.quiet(native.order_key or native.external_id) or None, **values)  # fmt: skip
    ledger.note(c, site.now(), "replayed", message, state=values["state"], facts={**wish.facts, **maps})
    understanding.report(c, site, partner, message.id, left_over)


def _written_later(
    c: Connection, partner: Partner, message: Message, owner: str, slice_: dict[str, Any]
) -> str | None:
    """The later message that wrote the record this one is about."""
    own = (k for k, path, document in records_of(slice_) if external_id_of(owner, k, path, document) == owner)
    known = records.find(c, partner.name, kind, owner) if (kind := next(own, "")) else None
    return known.message if known and known.message > message.id else None


def prepare_again(c: Connection, site: Site, message: Message, wish: Wish) -> None:
    """What a partner was told is decided and rendered anew, under the same key; ``prepare`` drops what did not change.

    Raises Held: CB-532 when a later message told the same, CB-531 when the partner could get it twice.
    """
    if (later := replays.told_later(c, message)) is not None:
        raise Held("CB-532", LATER.format(id=later))
    partner = site.partners.get(message.partner)
    if partner is None:
        raise Held("CB-507", f"there is no partner {message.partner} any more", who="it")
    if message.state == "done" and not wish.again and not tells_apart(c, partner, message):
        raise Held("CB-531", f"{partner.name} has it, and could not tell a second from the first")
    together = [m.id for m in ledger.of_dispatches(c, [message.dispatch or ""]).get(message.dispatch or "", ())]
    was = {"stop": message.stop, "state": message.state, "dispatch": message.dispatch, "of": len(together),
           "place": together.index(message.id) if message.id in together else 0}  # fmt: skip
    about = {**message.about, "again": {**was, "twice": wish.again}}
    ledger.change(c, message, site.now(), stop="prepare", state="waiting", due_at=site.now(), attempt=0, about=about)
    facts = {**wish.facts, "map_before": message.map_digest, "dispatch_before": message.dispatch or ""}
    ledger.note(c, site.now(), "replayed", message, state="waiting", facts=facts)


def tells_apart(c: Connection, partner: Partner, message: Message) -> bool:
    """Can the link find what is there, or does the partner honour keys? A file of many has the file's key."""
    known = getattr(partner.link, "finds", False) or getattr(partner.link, "keyed", False)
    return bool(known) and len(ledger.of_dispatches(c, [message.dispatch or ""]).get(message.dispatch or "", ())) <= 1


def follow_again(c: Connection, site: Site, message: Message, correlation: str | None) -> list[str]:
    """What partners were told of the referrals that a replayed record bears on is told again, as far as it changed;
    the referrals."""
    if "again" not in message.about:
        return []
    wish = Wish(by="the gateway", why=f"replay of {message.id}", again=bool(message.about["again"].get("twice")))
    concerned = sorted({*_referrals(c, message), *([correlation] if correlation else ())})
    for told in [m for id_ in concerned for m in replays.told(c, id_)]:
        try:
            prepare_again(c, site, told, wish)
        except CaseBridgeError as error:
            not_again(c, site, told, error)
    return concerned


def _referrals(c: Connection, message: Message) -> set[str]:
    """The open referrals of the persons that the records are about."""
    slice_ = message.document["slice"]
    persons = {subject_of(message.external_id, kind, record, slice_) for kind, _, record in records_of(slice_)}
    persons |= {message.external_id} if "person" in slice_ else set()
    return {id_ for person in persons if person for id_ in referrals.open_of_person(c, message.partner, person)}


def not_again(c: Connection, site: Site, message: Message, error: CaseBridgeError) -> None:
    """On the books: it was not sent again, and why. The message is as it was."""
    ledger.note(c, site.now(), "not-replayed", message, code=error.code, facts={"why": error.message})


def leave(c: Connection, site: Site, message: Message, error: CaseBridgeError | None = None) -> None:
    """A message that was to go again stays as it was: nothing changed, or it may not go."""
    was = message.about["again"]
    about = {name: value for name, value in message.about.items() if name != "again"}
    ledger.change(c, message, site.now(), stop=was["stop"], state=was["state"], dispatch=was["dispatch"], about=about)
    if error is None:
        ledger.note(c, site.now(), "unchanged", message)
    else:
        not_again(c, site, message, error)
