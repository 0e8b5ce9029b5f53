"""Replay: one message, a selection or a span of time, from *understand* or from *prepare*; tried out, then done.

A replay is on the books with who asked for it and why, and so is each of its messages. It takes them a page at a time,
writes down how far it is, and goes on there when it was broken off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace

from casebridge.adapter import Native
from casebridge.core.errors import CaseBridgeError, Held
from casebridge.core.ids import new_id
from casebridge.engine import held, trial
from casebridge.engine.again import Wish, prepare_again, understand_again
from casebridge.engine.rereading import Rereading
from casebridge.engine.site import Site
from casebridge.engine.together import known
from casebridge.engine.trial import Trial
from casebridge.store import ledger, replays
from casebridge.store.database import Connection, StoreTrouble
from casebridge.store.ledger import Message
from casebridge.store.replays import Run
from casebridge.store.replays import Selection as Selection

PAGE = 100
"""Messages in memory at once, and between two notes of how far a replay is."""
Tell = Callable[[Message, str, CaseBridgeError | None, int], None]
"""Hears of each message: its state now, what kept it from going, if anything did, and how many are done."""


@dataclass(slots=True)
class Result:
    """What a replay came to: so many are on their way; so many stay as they are, by the code of the reason."""

    going: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    first: CaseBridgeError | None = None

    def count(self, error: CaseBridgeError | None) -> None:
        """One more."""
        if error is None:
            self.going += 1
            return
        self.first = self.first or error
        self.refused[error.code] = self.refused.get(error.code, 0) + 1


def chosen(selection: Selection, wish: Wish) -> Selection:
    """The selection, narrowed to what can go from that stop: from *understand* what came in, from *prepare* what goes
    out."""
    direction = {"understand": "in", "prepare": "out"}.get(wish.start, "")
    return replace(selection, direction=direction) if direction else selection


def counted(site: Site, selection: Selection, wish: Wish) -> int:
    """How many messages a replay would take up."""
    with site.store.read() as c:
        return replays.count(c, chosen(selection, wish))[0]


def tried(site: Site, selection: Selection, wish: Wish) -> Iterator[list[Trial]]:
    """For each message what a replay would send, against what was sent before. Nothing is written."""
    selection = chosen(selection, wish)
    with site.store.read() as c:
        _, last = replays.count(c, selection)
    rereading = Rereading(site)
    for page in _pages(site, selection, 0, last):
        for message in page:
            yield _tried(site, message, wish, rereading)


def begin(site: Site, selection: Selection, wish: Wish, confirmed: int | None) -> Run:
    """A replay of the selection, on the books. ``confirmed`` is how many messages whoever asks expects, None for
    whatever is there. Raises Held: CB-533 when there are more or fewer, CB-534 when another was broken off."""
    selection = chosen(selection, wish)
    with site.store.write() as c:
        if (other := replays.unfinished(c)) is not None:
            raise Held("CB-534", f"the replay {other.id} of {other.total} messages is not at its end", who="it")
        total, last = replays.count(c, selection)
        if confirmed is not None and confirmed != total:
            raise Held("CB-533", f"the replay takes up {total} messages, not {confirmed}", who="it")
        run = Run(new_id(), selection, asdict(wish), last, total)
        criteria = {name: value for name, value in asdict(selection).items() if value and name != "ids"}
        facts = {**replace(wish, run=run.id).facts, "messages": total, "selection": criteria}
        ledger.note(c, site.now(), "replay", facts=facts)
        replays.keep(c, run)
    return run


def unfinished(site: Site) -> Run | None:
    """A replay that was broken off."""
    with site.store.read() as c:
        return replays.unfinished(c)


def forget(site: Site, run: Run, by: str) -> None:
    """Give the rest of a replay up."""
    with site.store.write() as c:
        replays.end(c)
        ledger.note(c, site.now(), "replay-ended", facts={"run": run.id, "by": by, "given_up": True})


def go(site: Site, run: Run, tell: Tell = lambda message, state, error, done: None) -> Result:
    """Set the messages off, from where the replay was broken off, if it was. One that cannot go keeps no other back."""
    wish = Wish(**{**run.wish, "run": run.id})
    result, rereading, done = Result(), Rereading(site), sum((run.counts or {}).values())
    if run.counts:
        result.going = run.counts.get("going", 0)
        result.refused = {code: number for code, number in run.counts.items() if code != "going"}
    for page in _pages(site, run.selection, run.after, run.last):
        for message in page:
            state, error = _go(site, message, wish, rereading)
            done += 1
            result.count(error)
            tell(message, state, error, done)
        with site.store.write() as c:
            replays.keep(c, replace(run, after=page[-1].seq, counts=_counts(result)))
    with site.store.write() as c:
        replays.end(c)
        ledger.note(c, site.now(), "replay-ended", facts={"run": run.id, **_counts(result)})
    return result


def _counts(result: Result) -> dict[str, int]:
    return {"going": result.going, **result.refused}


def _pages(site: Site, selection: Selection, after: int, last: int) -> Iterator[list[Message]]:
    while True:
        with site.store.read() as c:
            page = replays.page(c, selection, after, last, PAGE)
        if not page:
            return
        yield page
        after = page[-1].seq


def _native(message: Message, wish: Wish, rereading: Rereading) -> Native | None:
    return rereading.native(message) if held.is_read_again(message, wish) else None


def _go(site: Site, message: Message, wish: Wish, rereading: Rereading) -> tuple[str, CaseBridgeError | None]:
    try:
        native = _native(message, wish, rereading)
        with site.store.write() as c:
            _set_off(c, site, message, native, wish)
            now = ledger.get(c, message.id) or message
    except StoreTrouble:
        raise
    except Exception as error:  # noqa: BLE001 - a format and a map are strangers' code
        return message.state, known(error)
    return now.state, held.reason(now) if now.state == "held" else None


def _set_off(c: Connection, site: Site, message: Message, native: Native | None, wish: Wish) -> None:
    at_hand = ledger.get(c, message.id)
    if at_hand is None or at_hand.state != message.state:
        raise Held("CB-507", f"{message.id} has gone on meanwhile", who="it")
    if message.state == "held":
        held.let_go(c, site, message, native, wish)
    elif native is not None:
        understand_again(c, site, message, native, wish)
    else:
        prepare_again(c, site, message, wish)


def _tried(site: Site, message: Message, wish: Wish, rereading: Rereading) -> list[Trial]:
    try:
        native = _native(message, wish, rereading)
        return trial.taken_back(site, lambda c: trial.of(
            c, site, message, lambda: _set_off(c, site, message, native, wish)))  # fmt: skip
    except StoreTrouble:
        raise
    except Exception as error:  # noqa: BLE001 - a format and a map are strangers' code
        return [Trial(message.id, message.partner, "refused", error=known(error))]
