"""The examination of one FHIR server for ``casebridge doctor``: which step follows which."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx2

from casebridge import Context, Step
from casebridge.core.errors import CaseBridgeError
from casebridge_fhir.capability import Capability
from casebridge_fhir.examining.findings import Words, findings
from casebridge_fhir.examining.network import SOON, Way
from casebridge_fhir.examining.rights import Rights
from casebridge_fhir.examining.server_steps import Metadata, request
from casebridge_fhir.moments import instant
from casebridge_fhir.polling import TASK_CODES
from casebridge_fhir.searching import Search
from casebridge_fhir.server import Server
from casebridge_fhir.settings import RestSettings
from casebridge_fhir.sign_in import SignIn
from casebridge_fhir.sign_in_steps import sign_in_steps
from casebridge_fhir.tls import expiries

ENVIRONMENTS = {"prod": "production", "test": "test (non-production)"}
_SMART = ("key", "discovery", "token", "scopes")
Stage = Callable[[], Iterator[Step]]


class Examination:
    """One look at one server, from its name to the right to write. Each request is made once and changes nothing."""

    def __init__(
        self, settings: RestSettings, context: Context, sign_in: SignIn,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:  # fmt: skip
        self._settings, self._base, self._sign_in = settings, Path(context.base_dir), sign_in
        once = settings.model_copy(update={"attempts": 1})
        self._trust = sign_in.tls or httpx2.create_ssl_context(settings.verify_tls)
        self._open = Server(once, transport, tls=self._trust)
        self._server = Server(once, transport, auth=sign_in.auth, tls=self._trust)
        self._words = Words(
            partner=context.partner, name=context.partner, environment=ENVIRONMENTS[context.environment],
            base=settings.base_url, team="FHIR server team", client_id=settings.client_id, account=_account(settings),
            keys=f"/jwks/{context.partner}/{context.environment}.json of our partners' address", kid="",
        )  # fmt: skip
        self._way = Way(settings, self._trust, self._words)
        self._metadata = Metadata(self._open, self._words)

    def steps(self) -> Iterator[Step]:
        """Every step; once one has failed that the others need, those as not tried."""
        blocked = ""
        try:
            for names, vital, stage in self._stages():
                if blocked:
                    yield from (Step(name, False, f"not tried because {blocked} failed", tried=False) for name in names)
                    continue
                for step in stage():
                    yield step
                    if step.state == "failed" and step.name in vital:
                        blocked = step.name
                    names = tuple(name for name in names if name != step.name)
                if blocked:
                    yield from (Step(name, False, f"not tried because {blocked} failed", tried=False) for name in names)
        finally:
            self._open.close()
            self._server.close()

    def _stages(self) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], Stage]]:
        """(the names of its steps, those that the later ones need, how they are made)"""
        signing = _SMART if self._settings.auth == "smart" else ("sign-in",)
        yield ("name", "connection"), ("name", "connection"), self._way.steps
        yield (), ("our certificate",), self._own
        yield ("certificate",), ("certificate",), self._way.certificate
        yield ("metadata", "clock"), ("metadata",), self._metadata.steps
        yield signing, ("sign-in", "key", "discovery", "token"), self._signing
        yield (), ("metadata",), lambda: self._metadata.again(self._server)
        yield ("rights",), (), Rights(self._server, self._metadata, self._words).steps
        yield ("search",), (), self._search
        yield (tuple(f"organisation ({name})" for name, _ in self._named()), (), self._organisations)

    def _own(self) -> Iterator[Step]:
        """The certificates of ours that it takes."""
        if self._sign_in.trouble:
            why = self._sign_in.trouble
            yield self._words.step("our certificate", "unusable", said=why.message, then=why.remedy, code=why.code)
            return
        for setting, last in expiries(self._settings, self._base).items():
            days = (last - datetime.now(UTC).date()).days
            finding = "in-order" if days >= SOON else "ends-soon" if days >= 0 or setting == "ca_file" else "ended"
            yield self._words.step("our certificate", finding, setting=setting, ends=last, days=days)

    def _signing(self) -> Iterator[Step]:
        """The steps of signing in; what a failure asks for in the words of whoever must do it."""
        smart = self._sign_in.smart
        for step in sign_in_steps(self._settings, self._sign_in.trouble, smart):
            if step.ok or (step.name, step.code) not in findings():
                yield step
                continue
            facts = {"said": step.message, "kid": "", "scopes": ""}
            if smart is not None and step.name in ("token", "scopes"):
                facts |= {"kid": smart.key().kid, "scopes": smart.scopes()}
            yield self._words.step(step.name, step.code, code=step.code, **facts)

    def _search(self) -> Iterator[Step]:
        """The search that polls make, for what changes from now on: there is nothing to see."""
        query = [("code", f"{TASK_CODES}|fulfill"), ("_sort", "_lastUpdated"), ("_count", "1")]
        query.append(("_lastUpdated", f"ge{instant(datetime.now(UTC))}"))
        asked = {"owner": self._settings.owner, "requester": self._settings.requester}
        query += [(name, reference) for name, reference in asked.items() if reference]
        search = Search(self._server, Capability(self._server, self._settings), "Task")
        try:
            search.first([(name, value) for name, value in query if name not in self._settings.ignored_parameters])
        except CaseBridgeError as e:
            yield self._words.step("search", "refused", said=e.message, code=e.code)
            return
        ignored = search.dropped | set(self._settings.ignored_parameters)
        finding = "ignored" if ignored else "answered"
        yield self._words.step("search", finding, parameters=", ".join(sorted(ignored)))

    def _organisations(self) -> Iterator[Step]:
        for setting, reference in self._named():
            facts = {"setting": setting, "reference": reference, "name": f"organisation ({setting})"}
            try:
                status = self._server.exchange(request(self._server, "GET", f"{reference}?_summary=true")).status
            except CaseBridgeError:
                status = 0
            finding = "unknown" if status in (404, 410) else "there" if 200 <= status < 300 else "refused"
            yield self._words.step("organisation", finding, status=status or "nothing", **facts)

    def _named(self) -> list[tuple[str, str]]:
        named = {name: getattr(self._settings, name) for name in ("owner", "requester", "recipient")}
        return [(name, reference) for name, reference in named.items() if reference]


def _account(settings: RestSettings) -> str:
    return {"smart": f"client id {settings.client_id}", "basic": f"our account {settings.user}",
            "token": "our token", "none": "us"}[settings.auth]  # fmt: skip
