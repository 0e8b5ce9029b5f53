"""Category and code agree: the code is of the value set that goes with the category (SDOHCC cond-1, serv-1 ...)."""

from __future__ import annotations

from collections.abc import Iterator

from casebridge import Finding
from casebridge_fhir.checking.demands import not_checked
from casebridge_fhir.checking.expansions import Expansions
from casebridge_fhir.checking.findings import finding
from casebridge_fhir.checking.places import Place
from casebridge_fhir.checking.tables import Binding, bindings, code_sets, path_of


def check(profile: str, root: Place, expansions: Expansions) -> Iterator[Finding]:
    """Each coded element against the value sets of all categories of the resource; one that has it is enough."""
    meant = _categories(root)
    by_path: dict[str, list[Binding]] = {}
    for binding in bindings().get(profile, ()):
        if binding.category in meant:
            by_path.setdefault(str(binding.path), []).append(binding)
    for bound in by_path.values():
        for place in bound[0].path.of(root):
            if isinstance(place.value, dict) and place.value.get("coding"):
                yield from _of_one(bound, place, expansions)


def _of_one(bound: list[Binding], place: Place, expansions: Expansions) -> Iterator[Finding]:
    rule = bound[0].rule if len(bound) == 1 else bound[0].rule_of_several
    known = {one.value_set: expansions.codes(one.value_set) for one in bound}
    if any(codes.hold(place.value) for codes in known.values() if codes is not None):
        return
    missing = [address for address, codes in known.items() if codes is None]
    if missing:
        yield not_checked(rule, place, " or ".join(missing))
        return
    categories = " or ".join(one.category for one in bound)
    yield finding(
        "wrong", rule, "CB-351", f"the code is not of the value set that goes with the category {categories}", place,
        expected=f"a code of {' or '.join(known)}", do="Correct the code or the category, whichever is not meant.",
    )  # fmt: skip


def _categories(root: Place) -> set[str]:
    domains = code_sets()["SDOHCC-ValueSetSDOHCategory"]
    return {place.value["code"] for place in path_of("category.coding").of(root) if isinstance(place.value, dict)
            and domains.hold(place.value)}  # fmt: skip
