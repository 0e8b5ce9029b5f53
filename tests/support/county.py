"""A small county's client record: the schema that the tests of the map checker write their maps for."""

from __future__ import annotations

from casebridge.adapter import Converter, Natives
from casebridge.core.native import Element


def group(many: bool = False, owner: str = "ours", **fields: Element) -> Element:
    """A group, or a list of groups, with these fields."""
    return Element("group", many=many, owner=owner, children=lambda: fields)  # type: ignore[arg-type]


def codes(*known: str) -> Element:
    """One value of a closed list."""
    return Element(codes=frozenset(known))


def segment(**fields: Element) -> Element:
    """A list of numbered elements: NM1(01=IL).03."""
    return group(many=True, **{name.removeprefix("e"): element for name, element in fields.items()})


TEXT, DATE, YES_NO = Element(), Element("date"), Element("boolean")
SPAN = group(**{"from": DATE, "to": DATE})
CLIENT = group(
    id=TEXT, dob=DATE, event_date=Element("moment"), sex=codes("M", "F", "U"), active=YES_NO, note=TEXT,
    died=codes("Y", "N"), died_on=DATE, state=codes("A", "I", "D"), race_none=codes("8", "9", "99"),
    asian=codes("0", "1"), white=codes("0", "1"), span=SPAN, home=group(city=TEXT),
    order=group(owner="theirs", status=TEXT),
    name=group(many=True, use=codes("official", "old"), family=TEXT, given=Element(many=True), text=TEXT, span=SPAN),
    phone=group(many=True, number=TEXT, safe=YES_NO, ok=codes("Y", "N")),
    address=group(many=True, use=TEXT, city=TEXT),
    NM1=segment(e01=codes("IL", "74"), e02=TEXT, e03=TEXT, e08=TEXT, e09=TEXT),
)  # fmt: skip


def _day_first(value: object) -> str:
    day, month, year = str(value).split("/")
    return f"{year}-{month}-{day}"


def _falls_over(value: object) -> str:
    raise RuntimeError("no such service")


CONVERTERS = (
    Converter("day-first", _day_first, _day_first, "exact", (("25/12/1974", "1974-12-25"),)),
    Converter("falls-over", _falls_over, _falls_over, "exact", (("1974", "1974"),)),
    Converter("first-word", lambda v: str(v)[:4], str, "exact", (("Adam", "Adam"), ("Eve", "Eve"))),
)  # fmt: skip


def _element(record: str, shape: object, folder: object) -> Element | None:
    return CLIENT if record == "client" else None


NATIVES = {"county": Natives("county", ("client",), _element)}
