"""The format ``notice``: a neutral line of text for an e-mail, with no client data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, ClassVar

from pydantic import Field

from casebridge import Context, Native, OutFile, Released, RenderContext, Settings
from casebridge.core.errors import RecordError

ALARM = "notice/alarm"
_REFERENCE = re.compile(r"[A-Za-z0-9-]{1,64}")


class NoticeSettings(Settings):
    """Where the reader can look."""

    console_url: str = Field("", pattern=r"^(https?://\S+)?$", description="Address of the console, for the reader")


class NoticeFormat:
    """Out only: ``notice/change``, whose text names the reference and nothing else, and ``notice/alarm`` for the
    site's own people, which says what rang."""

    name: ClassVar[str] = "notice"
    capabilities: ClassVar[frozenset[str]] = frozenset({"render"})
    Settings: ClassVar[type[Settings]] = NoticeSettings

    def __init__(self, settings: NoticeSettings, context: Context) -> None:
        self.settings = settings

    def identity(self, stream: BinaryIO) -> str | None:
        """Nothing comes in."""
        return None

    def parse(
        self, stream: BinaryIO, shapes: Mapping[str, Mapping[str, Any]]
    ) -> Iterator[Native | RecordError]:
        """Nothing comes in: raises RecordError CB-303."""
        raise RecordError("CB-303", "notices only go out", remedy="Give the partner another format to send in.")

    def render(self, records: Sequence[Released], context: RenderContext) -> Iterator[OutFile]:
        """One text a record. What changed is not said: it may itself be protected (that coverage ended)."""
        for index, released in enumerate(records):
            is_alarm = released.native_type == ALARM
            text = self._alarm(released.document) if is_alarm else self._text(released.document.get("referral"))
            yield OutFile(f"notice-{index + 1}.txt", text.encode(), "text/plain; charset=utf-8", (index,))

    def _alarm(self, document: Mapping[str, Any]) -> str:
        said, reference, call = (document.get(name) for name in ("text", "referral", "call"))
        if not isinstance(said, str):
            raise RecordError("CB-302", "the alarm says nothing", field="text", expected="a sentence", found=said)
        named = isinstance(reference, str) and _REFERENCE.fullmatch(reference)
        page = f"/referral/{reference}" if named else "/"
        lines = [said, f"Reference: {reference}" if named else "", f"Who to call: {call}" if call else "",
                 f"Open CaseBridge to see it: {self.settings.console_url}{page}" if self.settings.console_url else
                 "Open CaseBridge to see it."]  # fmt: skip
        return "\n".join(filter(None, lines)) + "\n"

    def _text(self, reference: object) -> str:
        if not isinstance(reference, str) or not _REFERENCE.fullmatch(reference):
            raise RecordError(
                "CB-302", "the notice has no referral to name", field="referral",
                expected="letters, digits and -", found=reference,
            )  # fmt: skip
        where = f"Open CaseBridge to see it: {self.settings.console_url}" if self.settings.console_url else (
            "Open CaseBridge to see it."
        )
        return f"Something changed for a referral you sent (reference {reference}).\n{where}\n"
