"""Resources made of other files: what each is called, and all of them as one Bundle (FHIR R4, bundle 2.36)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import BinaryIO

from casebridge import OutFile
from casebridge.core.errors import Bug

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


def gather(files: Iterator[OutFile], out: BinaryIO) -> None:
    """One Bundle of type ``collection``, an entry for each file; written as they come, so of any size."""
    out.write(b'{"resourceType":"Bundle","type":"collection","entry":[')
    for number, file in enumerate(files):
        if "/" not in file.name:
            raise Bug("CB-901", "a resource of a Bundle has no id")
        out.write(b",\n" if number else b"\n")
        out.write(b'{"resource":' + file.data + b"}")
    out.write(b"\n]}\n")
