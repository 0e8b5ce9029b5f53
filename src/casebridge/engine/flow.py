"""The life of one message: five stops, one direction. Read this file first.

1. ``accept``      a payload is stored with its digest and the link's cursor, in one commit, before the sender is told
2. ``understand``  the format reads native records, the map turns each into a slice
3. ``apply``       records, links, the referral's events, and what follows for others: one transaction
4. ``prepare``     ``release`` decides each leaf, the map runs backward, the format renders a dispatch
5. ``deliver``     the link sends it; the receipt and the partner's own ids are kept

Each stop is one function and one state on the message row. No stop calls another: they meet in the ledger.
A record that cannot go on is held, alone, with a reason, a remedy and who must act; later records of the same
person or referral wait behind it, nothing else does.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import islice
from typing import Any

from casebridge.adapter import Conflict, Native, Outcome, Payload, Receipt, RenderContext
from casebridge.core.case import records_of, validate_record
from casebridge.core.errors import Bug, CaseBridgeError, RecordError, SetupError, TryAgain, quiet_place
from casebridge.engine import delivering, intake
from casebridge.engine.applying import apply_slice
from casebridge.engine.follow import follow
from casebridge.engine.preparing import Prepared, prepare_one
from casebridge.engine.release import packed
from casebridge.engine.site import Partner, Site
from casebridge.mapping import Map
from casebridge.store import dispatches, ledger, maptexts, payloads, records
from casebridge.store.database import Connection, new_id
from casebridge.store.dispatches import StoredDispatch
from casebridge.store.ledger import Message

log = logging.getLogger(__name__)
BATCH = 500
LEFT_OVER = 100  # places named in a report of what no line of a map reads
NO_ROOM = ("CB-205", "CB-302", "CB-340", "CB-502")
"""What a partner that is only *also* told cannot take is noted, not held."""


# --- 1. accept -----------------------------------------------------------------------------------------------


def accept(site: Site, partner: Partner, payload: Payload) -> Outcome:
    """Store the payload; a repeat is counted and stopped, another content under the same key is held."""
    try:
        spooled = intake.spool(payload.stream, partner.max_bytes, payload.name)
    except RecordError as error:
        return intake.refuse(site, partner, payload, error)
    try:
        spooled = intake.screened(partner, spooled)
    except Exception as error:  # noqa: BLE001 - a format is a stranger's code: what it cannot screen is not stored
        known = error if isinstance(error, CaseBridgeError) else _bug(error)
        return intake.refuse(site, partner, payload, known)
    with spooled.body:
        outcome, message = intake.keep(site, partner, payload, spooled)
    site.tell("payload", partner=partner.name, message=message or "", stop="accept", state=outcome.state)
    return outcome


# --- 2. understand -------------------------------------------------------------------------------------------


def understand(site: Site, message: Message) -> None:
    """Every record of a payload becomes a message of its own; a payload that cannot be trusted is held whole."""
    partner = site.partners[message.partner]
    with site.store.read() as c:
        stream = payloads.open_payload(c, message.payload or "")
        try:
            natives = partner.format.parse(stream, partner.shapes)
            while batch := list(islice(natives, BATCH)):
                _keep_natives(site, partner, message, batch)
        except CaseBridgeError as error:
            _hold(site, message, error)
            return
        except Exception as error:  # noqa: BLE001 - a format is a stranger's code; whatever it raises is held
            _hold(site, message, _bug(error))
            return
    with site.store.write() as w:
        ledger.change(w, message.id, site.now(), state="done")
        ledger.note(w, site.now(), "understood", message, facts={"records": ledger.counts(w, message.id)})
    site.tell("understood", message=message.id, partner=partner.name, stop="understand", state="done")


def _keep_natives(site: Site, partner: Partner, parent: Message, batch: Sequence[Native | RecordError]) -> None:
    with site.store.write() as c:
        for native in batch:
            if isinstance(native, RecordError):
                position, external_id, values = native.position, native.external_id, _held_at("understand", native)
            else:
                position, external_id = native.position, native.external_id
                values = understood(c, partner, native)
            order_key = partner.quiet(getattr(native, "order_key", "") or external_id)
            held, left_over = values["state"] == "held", values.pop("left_over", [])
            id_ = ledger.add(
                c, site.now(), direction="in", partner=partner.name, kind=getattr(native, "type", "unreadable"),
                external_id=(partner.quiet(external_id) if held else external_id) or None, order_key=order_key or None,
                parent=parent.id, payload=parent.payload,
                position=position.as_dict() or {"pointer": external_id}, **values)  # fmt: skip
            if id_:
                report(c, site, partner, id_, left_over)


def report(c: Connection, site: Site, partner: Partner, message: str, left_over: Sequence[str]) -> None:
    """Put on the books what no line of a map with ``rest: report`` read: the places, never the values."""
    if left_over:
        facts = {"paths": list(map(quiet_place, left_over[:LEFT_OVER])), "more": len(left_over[LEFT_OVER:])}
        ledger.note(c, site.now(), "left-over", message=message, partner=partner.name, stop="understand", facts=facts)


def understood(c: Connection, partner: Partner, native: Native) -> dict[str, Any]:
    """The columns of a native record's message: on to *apply*, not for us, or held."""
    map_ = partner.maps.find(native.type, native.data)
    if map_ is None:
        return {"stop": "understand", "state": "skipped", "reason": "no map takes it: not for us"}
    if _is_echo(c, partner, native, map_.case[0]):
        return {"stop": "understand", "state": "skipped", "reason": "our own change, seen again"}
    about = {"version": native.version} if native.version else {}
    values: dict[str, Any] = {"map_name": map_.name, "map_digest": map_.digest, "about": about}
    try:
        imported = map_.read(native.data)
        slice_ = imported.slice
        for kind, _, record in records_of(slice_):
            validate_record(kind, record, native.position)
        left_over = imported.left_over if map_.rest == "report" else []
    except CaseBridgeError as error:
        return {**values, **_held_at("understand", error), **_where_to_mend(error, map_)}
    maptexts.keep(c, map_.digest, map_.name, map_.text)
    document = {"slice": slice_, "native": native.data}
    values["left_over"] = left_over
    return {**values, "stop": "apply", "state": "waiting", "document": document}


def _where_to_mend(error: CaseBridgeError, map_: Map) -> dict[str, str]:
    """A code without a row is mended in the partner's own map, not in one that comes with the gateway."""
    if error.code != "CB-205":
        return {}
    name = "/".join(map_.path.parts[-2:])
    own = f"lay one of your own over {map_.name} (base: {name.removesuffix('.yaml')}) and name it for the partner"
    return {"remedy": f"If it is a code of theirs, add a row for it in {name} where that map is the site's own, else "
                      f"{own}; give the row `import` as its third cell if only this partner writes it; then replay. "
                      "If it is a mistake, ask the partner to correct the record and resend it."}  # fmt: skip


def _is_echo(c: Connection, partner: Partner, native: Native, slot: str) -> bool:
    known = records.remote_by_theirs(c, partner.name, slot, native.external_id) if native.version else None
    return known is not None and known.written_version == native.version


# --- 3. apply ------------------------------------------------------------------------------------------------


def apply(site: Site, messages: Sequence[Message]) -> None:
    """Write what the messages assert and what follows for others: one transaction, one at a time if it fails."""
    try:
        with site.store.write() as c:
            for message in messages:
                _apply_one(c, site, message)
    except Exception as error:  # noqa: BLE001 - sorted out below, one by one
        if len(messages) == 1:
            _hold(site, messages[0], error if isinstance(error, CaseBridgeError) else _bug(error))
            return
        stuck: set[tuple[str, str]] = set()
        for message in messages:
            key = (message.partner, message.order_key or message.id)
            if key not in stuck:
                apply(site, [message])
                stuck |= {key} if _is_held(site, message) else set()
        return
    for message in messages:
        site.tell("applied", message=message.id, partner=message.partner, stop="apply", state="done")


def _apply_one(c: Connection, site: Site, message: Message) -> None:
    done = apply_slice(c, site, site.partners[message.partner], message)
    if done.skipped:  # nothing of it stays but the count: a payer's other members are none of our business
        ledger.change(c, message.id, site.now(), state="skipped", reason=done.skipped, document=None,
                      external_id=None, order_key=None)  # fmt: skip
        return
    follow(c, site, done)
    ledger.change(c, message.id, site.now(), state="done", document=None, correlation=done.correlation)
    ledger.note(c, site.now(), "applied", message, correlation=done.correlation)


# --- 4. prepare ----------------------------------------------------------------------------------------------


def prepare(site: Site, partner: Partner, messages: Sequence[Message]) -> None:
    """One dispatch of all messages that may go; each that may not is held alone."""
    ready = [(m, p) for m in messages if (p := _prepare_alone(site, partner, m)) is not None]
    if ready:
        _render(site, partner, ready)


def _render(site: Site, partner: Partner, ready: Sequence[tuple[Message, Prepared]]) -> None:
    """One dispatch of all, or one each when together they cannot be rendered; what was decided stays decided."""
    context = RenderContext(new_id(), site.clock(), partner.environment, partner.name)
    try:
        files = list(partner.format.render([p.released for _, p in ready], context))
    except Exception as error:  # noqa: BLE001 - a format is a stranger's code; whatever it raises is held
        if len(ready) > 1:
            for one in ready:
                _render(site, partner, [one])
            return
        _hold(site, ready[0][0], error if isinstance(error, CaseBridgeError) else _bug(error))
        return
    state = "shown" if partner.mode == "dry-run" else "claimed"
    with site.store.write() as c:
        dispatches.add(c, context.dispatch, partner.name, site.now(), files, state)
        for message, prepared in ready:
            _keep_prepared(c, site, message, prepared, context.dispatch, state)
    site.tell("prepared", partner=partner.name, stop="prepare", state=state)


def _prepare_alone(site: Site, partner: Partner, message: Message) -> Prepared | None:
    """The message ready to render, or None when it is held or has no room there."""
    with site.store.write() as c:
        try:
            return _prepared(c, site, partner, message)
        except Exception as e:  # noqa: BLE001 - held with its reason
            error = e if isinstance(e, CaseBridgeError) else _bug(e)
        if message.about.get("also") and error.code in NO_ROOM:
            why = ledger.why(error) | {"who": None}
            if error.code != "CB-502":
                why |= {"reason": f"{partner.title} has no place for it"}
            ledger.change(c, message.id, site.now(), state="skipped", **why)
            facts = {"paths": ["referral"], "why": error.message}
            ledger.note(c, site.now(), "no-room", message, code=error.code, facts=facts)
            return None
    _hold(site, message, error)
    return None


def _prepared(c: Connection, site: Site, partner: Partner, message: Message) -> Prepared:
    """A release that could not be written down for its recipient is none; a refusal stays on the books."""
    attempt = c.begin_nested()
    try:
        prepared = prepare_one(c, site, partner, message)
    except Exception as error:
        end = attempt.commit if getattr(error, "code", "") == "CB-505" else attempt.rollback
        end()
        raise
    attempt.commit()
    return prepared


def _keep_prepared(
    c: Connection, site: Site, message: Message, prepared: Prepared, dispatch: str, state: str
) -> None:
    shown = state == "shown"
    maptexts.keep(c, prepared.map.digest, prepared.map.name, prepared.map.text)
    ledger.change(
        c, message.id, site.now(), stop="prepare" if shown else "deliver", state="shown" if shown else "waiting",
        dispatch=dispatch, map_name=prepared.map.name, map_digest=prepared.map.digest,
        policy=prepared.released.policy, document=packed(prepared.released))  # fmt: skip
    withheld = sorted({w.path for w in prepared.released.withheld})
    ledger.note(c, site.now(), "prepared", message, facts={"withheld": withheld})
    if prepared.no_room:
        ledger.note(c, site.now(), "no-room", message, facts={"paths": list(map(quiet_place, prepared.no_room))})


# --- 5. deliver ----------------------------------------------------------------------------------------------


def deliver(site: Site, stored: StoredDispatch) -> None:
    """Send a dispatch. One in mid-flight is looked for at the partner before it is sent again."""
    partner = site.partners[stored.partner]
    if partner.link is None or partner.mode != "live":
        return  # it waits
    dispatch, key = delivering.opened(site, stored)
    try:
        answer: Receipt | Conflict | None = None
        if stored.state == "inflight":
            answer = partner.link.find(dispatch, key)
        if answer is None:
            if delivering.decide_again(site, stored):
                return
            delivering.set_off(site, stored)
            answer = partner.link.send(dispatch, key)
    except TryAgain as error:
        delivering.put_off(site, stored, error)
    except SetupError as error:
        delivering.put_off(site, stored, TryAgain(error.code, error.message, remedy=error.remedy))
    except Exception as error:  # noqa: BLE001 - a link is a stranger's code; whatever it raises is held
        delivering.give_up(site, stored, error if isinstance(error, CaseBridgeError) else _bug(error))
    else:
        delivering.answered(site, stored, partner, answer)


# --- what is held --------------------------------------------------------------------------------------------


def _hold(site: Site, message: Message, error: CaseBridgeError) -> None:
    with site.store.write() as c:
        ledger.change(c, message.id, site.now(), state="held", **ledger.why(error))
        ledger.note(c, site.now(), "held", message, code=error.code)
    site.tell("held", message=message.id, partner=message.partner, stop=message.stop, state="held", code=error.code)


def _held_at(stop: str, error: CaseBridgeError) -> dict[str, Any]:
    return {"stop": stop, "state": "held", **ledger.why(error)}


def _is_held(site: Site, message: Message) -> bool:
    with site.store.read() as c:
        now = ledger.get(c, message.id)
    return now is not None and now.state == "held"


def _bug(error: BaseException) -> Bug:
    """An error we did not think of; its text may quote a record, so only its type and place are kept."""
    place, trace = "", error.__traceback__
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    log.error("unexpected %s at %s", type(error).__name__, place)
    return Bug("CB-901", f"unexpected {type(error).__name__} at {place}")
