"""``casebridge status``: what waits, how fast it goes, what is held, who works, and how each partner does."""

from __future__ import annotations

import dataclasses
from typing import Any
from zoneinfo import ZoneInfo

from casebridge.cli.options import CONFIG, ConfigOption, JsonOption, bridge_of
from casebridge.cli.printing import out, plain, print_json, print_rows
from casebridge.engine.standing import PACE, Standing, standing
from casebridge.web.wording import age, amount, moment, say, size


def status(config: ConfigOption = CONFIG, as_json: JsonOption = False) -> None:
    """How the site stands: depth, age of the oldest, rate, what is held and why, each partner, who works."""
    with bridge_of(config, looking=True) as bridge:
        found, zone = standing(bridge.site), bridge.site.timezone
    if as_json:
        print_json(as_plain(found))
        return
    _print_waiting(found)
    _print_held(found)
    _print_partners(found, zone)
    _print_rest(found)


def as_plain(found: Standing) -> dict[str, Any]:
    """The look as JSON; the sums of all events as a list."""
    said = dataclasses.asdict(dataclasses.replace(found, sums={}, rates={}))
    names = ("name", "partner", "stop", "state", "code")
    said["sums"] = [{**dict(zip(names, sort, strict=True)), "count": one.count, "last": one.last}
                    for sort, one in found.sums.items()]  # fmt: skip
    said["rates"] = {span: dataclasses.asdict(rate) for span, rate in found.rates.items()}
    return said | {"oldest": found.oldest}


def _print_waiting(found: Standing) -> None:
    rows = [{"stop": say(one.stop, "stop-waits"), "partner": one.partner, "urgent": "urgent" if one.urgent else "",
             "waiting": amount(one.waiting, more=one.more), "oldest": age(one.oldest, found.at)}
            for one in found.waiting]  # fmt: skip
    print_rows(rows, "Waiting")
    pace = [{"in the last": span, **{name: amount(rate.counts.get(name, 0), about=not rate.exact) for name in PACE}}
            for span, rate in found.rates.items()]  # fmt: skip
    print_rows(pace, "Pace")


def _print_held(found: Standing) -> None:
    rows = [{"why": r.code, "partner": r.partner, "held": r.held, "must act": say(r.who, "who")} for r in found.held]
    print_rows(rows, "Held (the first of more)" if found.more_held else "Held", whole="why")


def _print_partners(found: Standing, zone: ZoneInfo) -> None:
    rows = [{"partner": p.name, "received": moment(p.received, zone) or "never",
             "delivered": moment(p.delivered, zone) or "never", "waiting": amount(p.waiting, more=p.more),
             "held": p.held, "circuit": say(p.circuit, "circuit"), "problem": p.problem}
            for p in found.partners]  # fmt: skip
    print_rows(rows, "Partners", whole="partner")


def _print_rest(found: Standing) -> None:
    urgent = sum(one.waiting for one in found.urgent)
    out.print(f"Urgent and waiting: {urgent}. Lanes with work: {found.lanes}, due now: {found.lanes_due}.")
    for beat in found.workers:
        lanes = found.holders.get(beat.name, (0, ""))[0]
        said = (f"{beat.role} on {beat.host} (process {beat.pid}, {beat.version}): {lanes} lanes, {beat.busy} at work, "
                f"last sign of life {age(beat.at, found.at) or 'now'} ago")  # fmt: skip
        out.print(plain(f"{said}. {beat.trouble}".strip()), soft_wrap=True)
    if not found.workers:
        out.print("Nothing works on it now: start casebridge serve.")
    free = "" if found.free is None else f", {size(found.free)} free beside it"
    out.print(f"The store takes {size(found.size)}{free}.")

