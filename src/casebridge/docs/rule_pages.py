"""The pages about rules: how a referral moves, what may leave, what each error code asks for."""

from __future__ import annotations

from casebridge.core import facts
from casebridge.core.conditions import CONDITIONS, condition
from casebridge.core.errors import error_codes
from casebridge.core.transitions import RESULT_ONLY, STANDARD, Transitions
from casebridge.core.words import referral_words
from casebridge.docs.markdown import code, codes, table

_ACT = {
    "SetupError": "Fix the set-up", "MapError": "Fix the map", "RecordError": "Fix the record",
    "TryAgain": "Nothing to do: it is tried again", "Held": "Ask a person", "Bug": "Report a bug",
}  # fmt: skip
_WHEN = ("kind", "field", "label", "source", "recipient", "relation", "purpose", "needs", "unless")


def errors_page() -> str:
    """Every code by what to do about it."""
    parts = ["# Errors, by what to do about them\n"]
    for kind, act in _ACT.items():
        rows = [(code(e.code), e.title, e.remedy) for e in sorted(error_codes().values(), key=lambda e: e.code)
                if e.kind == kind]  # fmt: skip
        parts += [f"## {act}\n", table(["code", "what it is", "what to do"], rows)]
    return "\n".join(parts)


def referral_page() -> str:
    """States, details, moves."""
    words = referral_words()
    states = [(code(c), w.text, code(w.icon), "yes" if STANDARD.ended(c) else "")
              for (sort, c), w in words.items() if sort == "status"]  # fmt: skip
    details = [(code(c), w.text, code(w.icon)) for (sort, c), w in words.items() if sort == "detail"]
    ways = [(code(c), w.text, code(w.icon)) for (sort, c), w in words.items() if sort == "way"]
    return "\n".join([
        "# How a referral moves\n",
        "A referral's state is the fold of what its partners said, in the order it reached the bridge. An event that "
        "may not move it is kept and flagged as a conflict. Repeating what is known changes nothing; an event that "
        "keeps the state may bring a new detail, reason or output. What a partner said later is not undone by what it "
        "said earlier. The codes are those of HL7 Task.\n",
        "## States\n", table(["state", "what a planner reads", "icon", "the end"], states),
        "## Details\n", table(["detail", "what a planner reads", "icon"], details),
        "## Until the agency has it\n",
        "A referral that was asked for and not delivered yet is shown with what holds it back instead of its state.\n",
        table(["its message", "what a planner reads", "icon"], ways),
        "## Moves\n", _moves(STANDARD),
        "## Partners that tell only the result\n",
        "HMIS CSV has a result and no reason or steps between: these moves are legal there besides those above.\n",
        _moves(Transitions(tuple(m for m in RESULT_ONLY.moves if STANDARD.find(m.start, m.goal) is None))),
    ])  # fmt: skip


def policy_page() -> str:
    """The rules of disclosure, the conditions they name, the allow-lists and the grounds."""
    rules = [(code(r["id"]), f"**{r['effect']}**", r["why"], _when(r), r["citation"]) for r in _rows("policy")]
    grounds = [(code(r["ground"]), r["words"], r["accountable"], r["citation"]) for r in _rows("grounds")]
    return "\n".join([
        "# What may leave\n",
        "Each leaf of what goes out is decided by these rules. A deny outranks a review, a review a redaction, a "
        "redaction a permit; without a permit the answer is no. An *oblige* rule only adds what must travel along.\n",
        "## Rules\n", table(["rule", "effect", "why", "when", "law"], rules),
        "## Conditions\n", table(["condition", "it holds when"], [(code(n), _first(n)) for n in sorted(CONDITIONS)]),
        "## The minimum necessary\n",
        "The fields of each kind a recipient gets for a purpose. A field brings what lies below it.\n", _minimum(),
        "## Grounds\n",
        "A release on an accountable ground stands on the client's list of disclosures (45 CFR 164.528).\n",
        table(["ground", "in words", "accountable", "law"], grounds),
    ])  # fmt: skip


def _moves(moves: Transitions) -> str:
    rows = [
        (code(m.start) or "(first heard of)", code(m.goal), ", ".join(sorted(m.who)),
         ", ".join(w for w, needed in (("a reason", m.reason_required), ("an output", m.output_required)) if needed))
        for m in moves.moves
    ]  # fmt: skip
    return table(["from", "to", "who may", "must come with it"], rows)


def _when(rule: dict[str, str]) -> str:
    return "; ".join(f"{column} {code(rule[column])}" for column in _WHEN if rule[column])


def _minimum() -> str:
    grouped: dict[tuple[str, str, str, str], list[str]] = {}
    for row in _rows("minimum"):
        key = row["recipient_role"], row["purpose"], row["domain"], row["kind"]
        grouped.setdefault(key, []).append(row["field"] + (f" ({row['form']} only)" if row["form"] else ""))
    rows = [(*map(code, key), codes(fields)) for key, fields in grouped.items()]
    return table(["recipient", "purpose", "domain of need", "kind", "fields"], rows)


def _first(name: str) -> str:
    return (condition(name).__doc__ or "").split("\n\n")[0].replace("\n", " ").replace("``", "`")


def _rows(name: str) -> list[dict[str, str]]:
    return facts.rows("casebridge.core", f"{name}.csv")
