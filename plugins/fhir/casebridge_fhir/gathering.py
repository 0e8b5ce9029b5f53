"""Resources made of other files: what each is called, and all of them as one Bundle (FHIR R4, bundle 2.36)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

from casebridge.core.errors import Bug
from casebridge.core.jsontext import dumps

ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")  # FHIR R4, datatypes: id
NAMES = uuid.UUID("6d1cf0a1-6d0e-5b7e-9c2b-5a4f8f4c1d10")  # ours, fixed: the same key is the same id each time


def resource_name(native_type: str, key: str) -> tuple[str, dict[str, str]]:
    """``("Patient/1", {"id": "1"})``. A key that already is ``Patient/1`` or an id keeps it; others give a UUID.

    >>> resource_name("fhir-r4/Patient", "Patient/1")
    ('Patient/1', {'id': '1'})
    """
    kind = native_type.partition("/")[2]
    known = key.removeprefix(f"{kind}/")
    given = known if ID.fullmatch(known) else str(uuid.uuid5(NAMES, f"{kind}/{key}"))
    return f"{kind}/{given}", {"id": given}


@contextmanager
def bundle(out: BinaryIO) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A Bundle of type ``collection``: gives what adds a resource to it. Written as they come, so of any size."""
    out.write(b'{"resourceType":"Bundle","type":"collection","entry":[')
    between = b"\n"

    def add(resource: Mapping[str, Any]) -> None:
        nonlocal between
        if not resource.get("id"):
            raise Bug("CB-901", "a resource of a Bundle has no id")
        out.write(between + b'{"resource":' + dumps(resource) + b"}")
        between = b",\n"

    yield add
    out.write(b"\n]}\n")
