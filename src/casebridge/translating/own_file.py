"""Documents of a file that its holder converts: the one other maker of ``Released`` besides the gateway's release.

No rule of disclosure is asked, because nothing is disclosed: what the operator holds in one notation it then holds in
another. So what is made here is marked as a conversion; a dispatch refuses it, and this package knows no link, no
door and no partner. Labels that have no place in the new notation are looked at before (``writing.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from casebridge.core.released import CONVERSION, Released, _issue


def own_document(document: Mapping[str, Any], native_type: str) -> Released:
    """A native record for a format to render, for nobody but its holder."""
    return _issue(document=document, recipient="", purpose=CONVERSION, policy="", native_type=native_type)
