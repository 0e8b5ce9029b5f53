"""The closing summary: what crossed, what was withheld and why, what had no room, what is held."""

from __future__ import annotations

from dataclasses import dataclass

from casebridge.demo.play import Stage
from casebridge.engine import held
from casebridge.store import disclosures, ledger, referrals


@dataclass(frozen=True, slots=True)
class Summary:
    """Lines for the screen, by heading."""

    crossed: list[str]
    withheld: list[str]
    no_room: list[str]
    held: list[str]


def summarize(stage: Stage) -> Summary:
    """From the gateway's books (the facts beside it are read back from the partners)."""
    site = stage.bridge.site
    titles = {name: partner.title for name, partner in site.partners.items()}
    with site.store.read() as c:
        known = {r.id: (r.domain or "", r.status) for r in referrals.listed(c)}
        released = disclosures.listed(c, effect="released")
        outgoing = ledger.listed(c, direction="out")
        skipped = [m for m in outgoing if m.state == "skipped"]
    crossed = {
        f"{titles[d['recipient']]}: {_what(known, d)}, {_fields(d)}"
        for d in released if d["delivered_at"] and d["purpose"] in ("referral", "hmis", "referral-status")
    }  # fmt: skip
    reasons: dict[str, set[str]] = {}
    for d in released:
        for w in d["withheld"]:
            if not w["path"].startswith("referral."):
                reasons.setdefault(f"from {titles[d['recipient']]}: {w['why']}", set()).add(_leaf(w["path"]))
    withheld = [f"{why} ({', '.join(sorted(paths))})" for why, paths in sorted(reasons.items())]
    no_room = [f"{titles[m.partner]} has no event for {known[m.correlation or ''][0]}: nothing was written there"
               for m in skipped]  # fmt: skip
    return Summary(sorted(crossed), withheld, no_room, [f"{m.reason} ({m.code})" for m in held.listed(site)])


def _what(known: dict[str, tuple[str, str]], row: dict[str, object]) -> str:
    domain, _ = known.get(str(row["correlation"]), ("", ""))
    way = "the answer to" if row["purpose"] == "referral-status" else "the referral for"
    return f"{way} {domain}"


def _fields(row: dict[str, list[str]]) -> str:
    return ", ".join(sorted({_leaf(path) for path in row["permitted"] if "." in path}))


def _leaf(path: str) -> str:
    """``person.names[0].family`` is told as ``person's names``; a need is told by its place in the list."""
    record, _, field = path.partition(".")
    kind = record.partition("[")[0]
    return f"{kind} {field.partition('[')[0].partition('.')[0]}"
