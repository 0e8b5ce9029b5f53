"""An end that says less than the coverage it ends (X12 005010X220A1 2300 HD and DTP*349, 2000 DTP*357)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from replaying import replayed
from sites import TestSite, bundle, order, patient, task
from states import IDENTIFIER, NAME, State

HMO, DEN = "HMO/P1/20250101", "DEN//20250101"
ENROLLED = ("DTP*356*D8*20250101", NAME, "HD*021**HMO*P1", "DTP*348*D8*20250101", "HD*021**DEN",
            "DTP*348*D8*20250101")  # fmt: skip
Row = tuple[str, ...]


@pytest.fixture
def state(site: TestSite) -> State:
    return State(site)


def spans(state: State) -> dict[str, tuple[str, str]]:
    """Status and end of each coverage."""
    return {id_: (d["status"], d.get("end", "")) for id_, d in state.said("participation").items()}


ALL = {"eligibility": ("eligible", ""), HMO: ("enrolled", ""), DEN: ("enrolled", "")}
ENDS: list[tuple[str, str, Row, dict[str, tuple[str, str]]]] = [
    ("the eligibility ends, and with it all coverage", "024", ("DTP*357*D8*20260131",),
     dict.fromkeys(ALL, ("ended", "2026-01-31"))),
    ("without a date as well", "024", (), dict.fromkeys(ALL, ("ended", ""))),
    ("coverage without its begin", "001", (NAME, "HD*024**DEN", "DTP*349*D8*20260731"),
     ALL | {DEN: ("ended", "2026-07-31")}),
    ("a line without its plan", "024", (NAME, "HD*024**HMO", "DTP*349*D8*20260731"),
     ALL | {HMO: ("ended", "2026-07-31")}),
    ("never in effect", "001", (NAME, "HD*002**DEN"), ALL | {DEN: ("cancelled", "")}),
    ("what it says itself stands", "024",
     ("DTP*357*D8*20260131", NAME, "HD*024**HMO*P1", "DTP*348*D8*20250101", "DTP*349*D8*20251231"),
     dict.fromkeys(ALL, ("ended", "2026-01-31")) | {HMO: ("ended", "2025-12-31")}),
    ("nothing fits: a record of its own", "001", (NAME, "HD*024**VIS", "DTP*349*D8*20260731"),
     ALL | {"VIS//": ("ended", "2026-07-31")}),
    ("another plan", "001", (NAME, "HD*024**HMO*P2", "DTP*349*D8*20260731"),
     ALL | {"HMO/P2/": ("ended", "2026-07-31")}),
    ("another begin", "001", (NAME, "HD*024**DEN", "DTP*348*D8*20240101", "DTP*349*D8*20260731"),
     ALL | {"DEN//20240101": ("ended", "2026-07-31")}),
    ("an end before it began", "001", (NAME, "HD*024**DEN", "DTP*349*D8*20241231"),
     ALL | {"DEN//": ("ended", "2024-12-31")}),
]  # fmt: skip


@pytest.mark.parametrize(("maintenance", "segments", "after"), [e[1:] for e in ENDS], ids=[e[0] for e in ENDS])
def test_what_an_end_ends(state: State, maintenance: str, segments: Row, after: dict[str, tuple[str, str]]) -> None:
    state.row("021", *ENROLLED)
    state.row(maintenance, *segments)
    assert spans(state) == after
    state.row(maintenance, *segments)
    assert spans(state) == after, "said twice"
    replayed(state.site, "understand", kind="x12/834-member")
    assert spans(state) == after, "and replayed"


def test_an_end_that_was_said_before_does_not_end_what_began_later(state: State) -> None:
    state.row("021", *ENROLLED)
    end = (NAME, "HD*024**DEN", "DTP*349*D8*20260131")
    state.row("001", *end)
    state.row("001", NAME, "HD*021**DEN", "DTP*348*D8*20260301")
    state.row("001", *end)
    assert spans(state) == ALL | {DEN: ("ended", "2026-01-31"), "DEN//20260301": ("enrolled", "")}


def test_another_end_of_what_has_ended_corrects_it(state: State) -> None:
    state.row("021", *ENROLLED)
    for day in ("20260131", "20260228"):
        state.row("001", NAME, "HD*024**DEN", f"DTP*349*D8*{day}")
    assert spans(state) == ALL | {DEN: ("ended", "2026-02-28")}


def test_spans_that_were_over_keep_their_own_end(state: State) -> None:
    """California sends a coverage for each month."""
    months = [("HD*021**HMO*P1", f"DTP*348*D8*2026{m}01", f"DTP*349*D8*2026{m}28") for m in ("01", "02", "03")]
    state.row("021", "DTP*356*D8*20260101", NAME, *(s for month in months for s in month))
    state.row("024", "DTP*357*D8*20260228")
    assert spans(state) == {
        "eligibility": ("ended", "2026-02-28"), "HMO/P1/20260101": ("enrolled", "2026-01-28"),
        "HMO/P1/20260201": ("ended", "2026-02-28"), "HMO/P1/20260301": ("cancelled", "2026-03-28"),
    }  # fmt: skip


def test_deleted_and_added_anew_it_is_one_coverage(state: State) -> None:
    """A payer's correction: HD*002 and HD*021 of one span in one row; then the next end must find it."""
    span = ("DTP*348*D8*20250101",)
    state.row("021", *ENROLLED)
    state.row("021", NAME, "HD*002**HMO*P1", *span, "HD*021**HMO*P1", *span)
    assert spans(state)[HMO] == ("enrolled", "")
    state.row("024", NAME, "HD*024**HMO*P1", *span, "DTP*349*D8*20260531")
    assert spans(state)[HMO] == ("ended", "2026-05-31")
    assert "enrolled" not in [status for id_, (status, _) in spans(state).items() if id_.startswith("HMO")]


def test_where_a_deleted_span_had_the_id_the_one_in_effect_ends(state: State) -> None:
    """As stores of before have it: two records of one span, the first of them cancelled."""
    span = ("DTP*348*D8*20250101",)
    state.row("021", NAME, "HD*021**DEN", *span, "HD*021**DEN", *span)
    state.row("001", NAME, "HD*002**DEN", *span)
    assert spans(state) == {DEN: ("cancelled", ""), f"{DEN}/2": ("enrolled", "")}
    state.row("024", NAME, "HD*024**DEN", *span, "DTP*349*D8*20260531")
    assert spans(state) == {DEN: ("cancelled", ""), f"{DEN}/2": ("ended", "2026-05-31")}


ROUTE = """
[[route]]
when = { kind = "participation", change = "ended" }
to = "agency"
"""


def test_a_planner_is_told_once(make_site: Callable[..., TestSite]) -> None:
    state = State(make_site(more=ROUTE))
    state.site.drop("hospital", "t1.json", bundle(task(), order(), patient(ssn=None, identifier=[IDENTIFIER])))
    state.row("021", *ENROLLED)
    state.row("024", "DTP*357*D8*20260131")
    assert spans(state)[HMO] == ("ended", "2026-01-31")
    assert len(state.site.noted("coverage-ended")) == 1
