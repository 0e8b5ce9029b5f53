"""``casebridge held replay``: one message, a selection or a span of time goes again; with a dry run first."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Annotated, Any

import typer

from casebridge.app import Bridge
from casebridge.cli.options import CONFIG, ConfigOption, JsonOption, bridge_of
from casebridge.cli.printing import counted, err, out, plain, print_json
from casebridge.cli.store import progress
from casebridge.core.errors import CaseBridgeError, Held, SetupError, quiet_place
from casebridge.engine import replay
from casebridge.engine.again import Wish
from casebridge.engine.replay import Result
from casebridge.engine.site import Site
from casebridge.engine.trial import Trial
from casebridge.store import ledger
from casebridge.store.database import iso
from casebridge.store.ledger import Message
from casebridge.store.replays import Run, Selection
from casebridge.web.wording import say

MOST_SHOWN = 1000
"""Messages whose places ``--json`` lists; the counts are of all."""
EACH = 50
"""So many messages are named one by one; of more only the count is told."""
LOOK = "casebridge held replay --help says what it takes; docs/guides/held.md shows it by examples."
Moment = Annotated[str, typer.Option(metavar="TIME", help="As 2026-11-22 or 2026-11-22T06:00, in the site's zone.")]


def held_replay(
    messages: Annotated[list[str] | None, typer.Argument(help="Messages' ids, or all for everything held.")] = None,
    partner: Annotated[str, typer.Option(help="Only from or to this partner.")] = "",
    code: Annotated[str, typer.Option(help="Only held with this code, such as CB-205.")] = "",
    stop: Annotated[str, typer.Option(help="Only at this stop: accept, understand, apply, prepare, deliver.")] = "",
    kind: Annotated[str, typer.Option(help="Only of this kind, such as fhir-r4/Task or referral.")] = "",
    since: Moment = "",
    until: Moment = "",
    done: Annotated[bool, typer.Option("--done", help="Also what was done: read, sent or passed over.")] = False,
    start: Annotated[str, typer.Option("--from", help="understand: what came in; prepare: what goes out.")] = "",
    again: Annotated[bool, typer.Option("--again", help="Also where the partner may get it twice.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be sent; nothing is changed.")] = False,
    values: Annotated[bool, typer.Option("--values", help="With --dry-run: also the values: PERSONAL DATA.")] = False,
    yes: Annotated[int | None, typer.Option(metavar="COUNT", help="How many messages the dry run counted.")] = None,
    why: Annotated[str, typer.Option(help="Why; stays on the books, so name no client.")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a replay that was broken off.")] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Give the rest of it up.")] = False,
    config: ConfigOption = CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Send messages on with today's map and policy: held ones from where they stopped, done ones once more."""
    with bridge_of(config, changing=True) as bridge:
        site = bridge.site
        wish = Wish(by=getpass.getuser(), why=why, start=_start(start), again=again)
        if resume or forget:
            _end(_go_on(bridge, forget, wish, as_json), as_json)
            return
        ids = tuple(messages or ())
        if not ids and not any((partner, code, stop, kind, since, until)):
            said = "say which: messages' ids, all, or a selection such as --partner and --code"
            raise SetupError("CB-241", said, remedy=LOOK)
        _known(site, ids, done=done)
        selection = Selection(
            ids=() if ids == ("all",) else ids, partner=partner, code=code, stop=stop, kind=kind, done=done,
            since=_moment(site, since), until=_moment(site, until))  # fmt: skip
        if dry_run:
            _dry_run(site, selection, wish, values=values, as_json=as_json)
            return
        confirmed = _confirmed(site, selection, wish, yes, at_once=bool(ids) and not done)
        run = replay.begin(site, selection, wish, confirmed)
        _end(_gone(bridge, run, quiet=as_json), as_json)


def _start(said: str) -> str:
    if said not in ("", "understand", "prepare"):
        what = f"`{said}` is no stop to replay from: write --from understand or --from prepare"
        raise SetupError("CB-241", what, remedy=LOOK)
    return said


def _moment(site: Site, said: str) -> str:
    if not said:
        return ""
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        what = f"`{said}` is no time: write it as 2026-11-22 or 2026-11-22T06:00"
        raise SetupError("CB-241", what, remedy=LOOK) from None
    return iso(moment if moment.tzinfo else moment.replace(tzinfo=site.timezone))


def _known(site: Site, ids: Sequence[str], *, done: bool) -> None:
    with site.store.read() as c:
        for id_ in ids if ids != ("all",) else ():
            found = ledger.get(c, id_)
            if found is None or (found.state != "held" and not done):
                raise Held("CB-507", f"there is no held message {id_}", who="it",
                           remedy="casebridge held list shows what is held; --done also takes in what was done.",
                           )  # fmt: skip


def _confirmed(site: Site, selection: Selection, wish: Wish, yes: int | None, *, at_once: bool) -> int | None:
    """Held messages that are named go at once; all else asks for the count first."""
    if at_once:
        return yes
    if selection.done and not wish.why:
        what = 'say why what was done is to be done again: --why "..."; it stays on the books'
        raise SetupError("CB-241", what, remedy=LOOK)
    if yes is None:
        count = replay.counted(site, selection, wish)
        raise Held("CB-533", f"this takes up {counted(count, 'message')}", who="it",
                   remedy=f"See what would happen with --dry-run; then confirm with --yes {count}.")  # fmt: skip
    return yes


def _go_on(bridge: Bridge, forget: bool, wish: Wish, quiet: bool) -> Result:
    run = replay.unfinished(bridge.site)
    if run is None:
        raise Held("CB-507", "no replay was broken off", who="it")
    if forget:
        replay.forget(bridge.site, run, wish.by)
        return Result()
    return _gone(bridge, run, quiet=quiet)


def _gone(bridge: Bridge, run: Run, *, quiet: bool) -> Result:
    with progress("Replaying", quiet or run.total <= EACH) as tell:

        def told(message: Message, state: str, error: CaseBridgeError | None, done: int) -> None:
            tell(done, run.total)
            if run.total <= EACH and not quiet:
                out.print(plain(f"{message.id}: {_became(message, state, error)}"), soft_wrap=True)

        return replay.go(bridge.site, run, told)


def _became(message: Message, state: str, error: CaseBridgeError | None) -> str:
    if error is None:
        return state
    return f"{'still held' if message.state == 'held' else 'as it was'}: {error.message}"


def _end(result: Result, as_json: bool) -> None:
    if as_json:
        print_json({"going": result.going, "refused": result.refused})
    else:
        for code, number in result.refused.items():
            err.print(f"{counted(number, 'message')} not replayed ({code})", style="yellow")
        if result.going:
            out.print("A running gateway takes them up by itself; otherwise: casebridge run")
        elif not result.refused:
            out.print("Nothing is to be replayed.")
    if result.first is not None:
        raise result.first
    if result.refused:
        raise typer.Exit(1)


# --- the dry run ---------------------------------------------------------------------------------------------------


def _dry_run(site: Site, selection: Selection, wish: Wish, *, values: bool, as_json: bool) -> None:
    if values and not out.is_terminal:
        what = "--values shows personal data: only on a terminal, never in a file or a pipe"
        raise SetupError("CB-241", what, remedy=LOOK)
    tally: dict[str, int] = {}
    shown: list[dict[str, Any]] = []
    count = replay.counted(site, selection, wish)
    for trials in replay.tried(site, selection, wish):
        for one in trials:
            tally[one.verdict] = tally.get(one.verdict, 0) + 1
            if as_json and len(shown) < MOST_SHOWN:
                shown.append(_facts(one))
            elif not as_json:
                _print(one, values=values)
    if as_json:
        print_json({"messages": count, "would": tally, "each": shown, "more": sum(tally.values()) - len(shown)})
        return
    said = ", ".join(f"{number} {say(verdict, 'trial')}" for verdict, number in sorted(tally.items()))
    out.print(f"{counted(count, 'message')}: {said or 'nothing to replay'}. Nothing was changed.", soft_wrap=True)


def _print(one: Trial, *, values: bool) -> None:
    to = f" to {one.partner}" if one.verdict not in ("read", "refused") else ""
    more = f", {counted(one.records, 'record')} new" if one.verdict == "read" else ""
    why = f": {one.error.message} ({one.error.code})" if one.error else ""
    out.print(plain(f"{one.message}{to}: {say(one.verdict, 'trial')}{more}{why}"), soft_wrap=True)
    for place in one.places:
        what = f": {place.before!r} -> {place.after!r}" if values else ""
        out.print(plain(f"    {place.what} {quiet_place(place.where)}{what}"), soft_wrap=True)


def _facts(one: Trial) -> dict[str, Any]:
    kept = {f.name: getattr(one, f.name) for f in fields(one) if f.name not in ("places", "error")}
    places = [{"what": p.what, "where": quiet_place(p.where)} for p in one.places]
    return {**kept, "code": one.error.code if one.error else "", "why": one.error.message if one.error else "",
            "places": places}  # fmt: skip
