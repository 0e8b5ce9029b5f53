"""A server that never ends its answer, or never begins it, holds nobody up: every wait has an end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from casebridge_fhir.link import FhirRest
from talking import Talk, talking_server

from casebridge import Context
from casebridge.core.errors import TryAgain

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\n"


@pytest.fixture
def talking() -> Iterator[Talk]:
    with talking_server() as talk:
        yield talk


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [
        ([], b"", "ReadTimeout"),
        ([HEAD], b"X", "trickles in"),
        ([HEAD + b"\r\n"], b" ", "trickles in"),
    ],
    ids=["it never answers", "its head does not end", "its body does not end"],
)  # fmt: skip
def test_every_wait_for_an_answer_has_an_end(talking: Talk, first: list[bytes], then: bytes, said: str) -> None:
    base = f"http://127.0.0.1:{talking(*first, then=then)}/fhir"
    settings = FhirRest.Settings(base_url=base, timeout=0.2, total_timeout=0.4, attempts=1)
    link = FhirRest(settings, Context("hospital"))
    with pytest.raises(TryAgain, match=said):
        list(link.receive(None))
    link.close()
