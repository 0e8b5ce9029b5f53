"""What we may do at a FHIR server, tried with requests that change nothing there."""

from __future__ import annotations

from collections.abc import Iterator

from casebridge import Step
from casebridge.core.errors import CaseBridgeError
from casebridge_fhir.examining.findings import Words
from casebridge_fhir.examining.server_steps import Metadata, request
from casebridge_fhir.server import Server
from casebridge_fhir.smart_scopes import RIGHTS, Need, needs

NOBODY = "casebridge-doctor"  # the id of what is not there
NOTHING = b"casebridge doctor: this is no resource"
"""What is sent where only a write tells whether we may write: not JSON, so that no server can make anything of it."""
INTERACTIONS = {"c": "create", "r": "read", "u": "update", "s": "search-type"}
_ABSENT = {"s": {404, 405, 501}, "c": {404, 405, 501}, "r": {405, 501}, "u": {501}}
"""What says that nobody may do it; 404 and 405 to a read or update can be for the id."""
_WORST_FIRST = ("refused", "not-offered", "refused-but-optional", "not-offered-but-optional", "untold", "allowed")
Key = tuple[str, str, str]  # finding, letters of the rights, what the server answered


class Rights:
    """Tries each right on each type of ``data/rights.csv``."""

    def __init__(self, server: Server, metadata: Metadata, words: Words) -> None:
        self._server, self._metadata, self._words = server, metadata, words

    def steps(self) -> Iterator[Step]:
        """One step for all types of which the same is to be said, the worst first."""
        alike: dict[Key, list[Need]] = {}
        for need in needs():
            for key in self._found(need):
                alike.setdefault(key, []).append(need)
        for key in sorted(alike, key=lambda key: _WORST_FIRST.index(key[0])):
            yield self._step(key, alike[key])

    def _step(self, key: Key, some: list[Need]) -> Step:
        finding, letters, status = key
        return self._words.step(
            "rights", finding, rights=_listed([RIGHTS[letter] for letter in letters]), status=status,
            types=_listed([need.resource for need in some]), why="; ".join(need.why for need in some),
            scopes=" ".join(f"system/{need.resource}.{letters}" for need in some),
        )  # fmt: skip

    def _found(self, need: Need) -> list[Key]:
        """What is to be said of one type: for each verdict the rights it is about."""
        tried = {letter: self._tried(need.resource, letter) for letter in need.rights}
        found: dict[str, str] = {}
        for letter, status in tried.items():
            finding = self._finding(need, letter, status)
            found[finding] = found.get(finding, "") + letter
        return [(finding, letters, "" if finding == "allowed" else _statuses(tried, letters))
                for finding, letters in found.items()]  # fmt: skip

    def _finding(self, need: Need, letter: str, status: int) -> str:
        kind = "" if letter in need.needed else "-but-optional"
        if status in (401, 403):
            return f"refused{kind}"
        if self._metadata.can(need.resource, INTERACTIONS[letter]) is False or status in _ABSENT[letter]:
            return f"not-offered{kind}"
        return "untold" if status in (0, 429) or status >= 500 else "allowed"

    def _tried(self, type_: str, letter: str) -> int:
        """The status of a request that needs this right and changes nothing; 0 when there was no answer."""
        if letter == "s":
            status = self._asked("GET", f"{type_}?_summary=count")
            return self._asked("GET", f"{type_}?_count=1&_id={NOBODY}") if status == 400 else status
        if letter == "r":
            return self._asked("GET", f"{type_}/{NOBODY}")
        if letter == "c":
            return self._asked("POST", type_, NOTHING)
        return self._asked("PUT", f"{type_}/{NOBODY}", NOTHING)

    def _asked(self, method: str, path: str, body: bytes = b"") -> int:
        try:
            return self._server.exchange(request(self._server, method, path, body)).status
        except CaseBridgeError:
            return 0


def _statuses(tried: dict[str, int], letters: str) -> str:
    return _listed(sorted({str(tried[letter] or "nothing") for letter in letters}))


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
