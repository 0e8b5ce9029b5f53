"""What a state says of one member of its 834, row by row."""

from __future__ import annotations

from itertools import count
from typing import Any

from members import file_834
from sites import TestSite, patient

from casebridge.store import records

NUMBER = "MCD899611001"
NAME = "NM1*IL*1*MORENO*ADA"
IDENTIFIER = {"system": "urn:casebridge:medicaid-id", "value": NUMBER}
CONTROL = count(500)


class State:
    """A state and its member Ada, whom ``known`` says to be on the roster already."""

    def __init__(self, site: TestSite, *, known: bool = False) -> None:
        self.site = site
        if not known:
            site.drop("hospital", "ada.json", patient(ssn=None, identifier=[IDENTIFIER]))

    def row(self, maintenance: str, *segments: str, secrecy: str = "") -> None:
        """One row; ``secrecy`` is INS13, and what begins with DTP*35 stands before the name."""
        dates = [s for s in segments if s.startswith("DTP*35")]
        rest = [s for s in segments if s not in dates]
        head = [f"INS*Y*18*{maintenance}*AI*A********{secrecy}".rstrip("*"), f"REF*0F*{NUMBER}"]
        loop = [tuple(s.split("*")) for s in (*head, *dates, *(rest or [NAME]))]
        control = f"{next(CONTROL):09}"
        self.site.drop("state", f"{control}.txt", file_834(loop, control=control))
        assert self.site.held() == []

    def said(self, kind: str = "person") -> dict[str, dict[str, Any]]:
        with self.site.bridge.site.store.read() as c:
            found = records.about(c, "state", NUMBER, kind)
        return {r.external_id.removeprefix(NUMBER).removeprefix("/"): r.document for r in found}

    @property
    def person(self) -> dict[str, Any]:
        return self.said()[""]

    def labels(self) -> dict[str, list[str]]:
        both = self.said() | self.said("participation")
        return {id_: [one["code"] for one in document.get("labels", ())] for id_, document in both.items()}
