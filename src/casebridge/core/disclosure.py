"""The question the rules answer, and their answer: may this leaf go to that recipient, for this purpose?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from casebridge.core.consents import ConsentFact
from casebridge.core.labels import HARMLESS

Effect = Literal["permit", "redact", "review", "deny"]
Purpose = Literal[
    "referral",  # send a referral to its recipient
    "referral-status",  # tell its source what became of it
    "coverage-change",  # tell the source of an open referral that coverage ended or changed
    "hmis",  # write to the community's HMIS
    "individual",  # to the person the record is about
    "operations",  # to the site's own workforce: the console, alarms, counts
    "notice",  # a message outside the records that says only that something waits
]
Relation = Literal["recipient", "source", "none"]

PART2 = "42CFRPart2"


@dataclass(frozen=True, slots=True)
class Request:
    """One leaf, whose it is, who asks and what for.

    ``field`` is the case path inside the record without keys or positions (``telecoms.value``); ``labels`` are the
    record's. ``source_*`` describe the organization that asserted the record, ``recipient_*`` who would get it,
    ``relation`` the recipient's part in the referral at hand. ``domain`` is the referral's domain of need,
    ``record_domain`` the record's own where it has one (a need, an activity). ``consents`` and ``agreements`` are
    those of this person and this recipient that stand on ``now`` (a Moment, used for nothing but to be recorded).
    """

    kind: str
    field: str
    recipient_role: str
    purpose: str
    labels: frozenset[str] = frozenset()
    source_id: str = ""
    source_role: str = ""
    source_part2: bool = False
    source_vsp: bool = False
    recipient_id: str = ""
    recipient_vsp: bool = False
    relation: str = "none"
    domain: str = ""
    record_domain: str = ""
    consents: tuple[ConsentFact, ...] = ()
    agreements: frozenset[str] = frozenset()
    treatment_switch: str = "consent"  # treatment | consent: a hospital's referral to an agency without a BAA
    coverage_switch: str = "plan-connected"  # plan-connected | consent: 42 CFR 431.302
    notice_room: bool = False  # the format can carry the notice of 42 CFR 2.32 and the consent
    now: str = ""

    @property
    def sensitive(self) -> frozenset[str]:
        """The labels that ask for a ground of their own."""
        return self.labels - HARMLESS

    @property
    def part2(self) -> bool:
        """Does 42 CFR Part 2 follow this record? It follows the program, not the topic."""
        return self.source_part2 or PART2 in self.labels


@dataclass(frozen=True, slots=True)
class Decision:
    """The effect, the ids of the rules that made it, what must be done with it, and why in plain words.

    ``ground`` is the legal ground of a permit (``data/grounds.csv``); ``accountable`` says whether 45 CFR 164.528
    puts the release on the person's list of disclosures.
    """

    effect: Effect
    rules: tuple[str, ...]
    obligations: tuple[str, ...] = ()
    why: str = ""
    ground: str = ""
    accountable: bool = False

    @property
    def leaves(self) -> bool:
        """Does anything of the leaf leave? A review holds it until a person has looked."""
        return self.effect in ("permit", "redact")
