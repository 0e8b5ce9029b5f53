"""The format ``form``: what the page shows (out) and what comes back from it (in), as small JSON documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, ClassVar

from casebridge import Context, Native, OutFile, Released, RenderContext, Settings
from casebridge.core.errors import Position, RecordError
from casebridge.core.jsontext import dumps
from casebridge_carriers.form_answers import read_answer


class FormSettings(Settings):
    """Nothing to set."""


class FormFormat:
    """Native types ``form/referral`` (out) and ``form/answer`` (in)."""

    name: ClassVar[str] = "form"
    capabilities: ClassVar[frozenset[str]] = frozenset({"identity", "parse", "render", "notices"})
    Settings: ClassVar[type[Settings]] = FormSettings

    def __init__(self, settings: FormSettings, context: Context) -> None:
        self.settings = settings

    def identity(self, stream: BinaryIO) -> str | None:
        """The answer's nonce: a double click is a duplicate, not a second event."""
        try:
            return "form/answer:" + read_answer(stream)["nonce"]
        except RecordError:
            return None

    def parse(
        self, stream: BinaryIO, shapes: Mapping[str, Mapping[str, Any]]
    ) -> Iterator[Native | RecordError]:
        """The one answer of the payload; ``outputs`` is made of its outcome. Raises RecordError."""
        data: dict[str, Any] = dict(read_answer(stream))
        if "outcome" in data:
            data["outputs"] = [{"code": "resulting-activity", "text": data["outcome"]}]
        yield Native("form/answer", data, Position(pointer=""), external_id=data["referral"])

    def render(self, records: Sequence[Released], context: RenderContext) -> Iterator[OutFile]:
        """One JSON file a referral, with the notices that must be shown beside it."""
        for index, released in enumerate(records):
            referral = released.document.get("referral")
            if not referral:
                raise RecordError("CB-302", "the released document has no referral id", field="referral")
            shown = {**released.document, "notices": list(released.notices)}
            yield OutFile(f"referral-{index + 1}.json", dumps(shown), "application/json", (index,))
