"""The closing summary: what crossed, what was withheld and why, what had no room, what is held."""

from __future__ import annotations

from dataclasses import dataclass

from casebridge.demo.stage import Stage
from casebridge.engine import held
from casebridge.store import disclosures, ledger, referrals
from casebridge.web.wording import said_paths, say


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
        domains = {r.id: (r.domain or "").replace("-", " ") for r in referrals.listed(c)}
        released = disclosures.listed(c, effect="released")
        skipped = ledger.listed(c, direction="out", state="skipped")
    crossed: dict[str, dict[str, None]] = {}
    stayed: dict[str, dict[str, None]] = {}
    for row in released:
        about = f"{titles[row['recipient']]}, {say(row['purpose'], 'purpose')} ({domains.get(row['correlation'], '')})"
        if row["delivered_at"] and row["purpose"] != "notice":
            crossed.setdefault(about, {}).update(dict.fromkeys(row["permitted"]))
        for withheld in row["withheld"]:
            if not withheld["path"].startswith("referral."):  # the sender's own referral stays with its sender
                why = f"{titles[row['recipient']]}: {withheld['why'].rstrip('.')}"
                stayed.setdefault(why, {})[withheld["path"]] = None
    no_room = [f"{titles[m.partner]} has no event for {domains[m.correlation or '']}: nothing was written there"
               for m in skipped]  # fmt: skip
    return Summary(_lines(crossed), _lines(stayed), no_room, [f"{m.reason} ({m.code})" for m in held.listed(site)])


def _lines(found: dict[str, dict[str, None]]) -> list[str]:
    """``Riverside Food Bank, to carry out the referral (food insecurity): Client: names, telephone …``"""
    return [f"{about}: {'; '.join(f'{record}: {fields}' if fields else record for record, fields in said_paths(paths))}"
            for about, paths in found.items()]  # fmt: skip
