"""CaseBridge: an interoperability gateway for social-work case management. These are its public names."""

from casebridge.adapter import (
    Bulk,
    Conflict,
    Context,
    Converter,
    Dispatch,
    Door,
    Doorway,
    Event,
    Format,
    Gathering,
    Headed,
    Link,
    Naming,
    Native,
    Natives,
    Outcome,
    OutFile,
    Payload,
    Probe,
    Receipt,
    RenderContext,
    Screening,
    Settings,
    Submitted,
    Thing,
)  # fmt: skip
from casebridge.core.native import Element
from casebridge.core.released import Released, Withheld
from casebridge.hookspecs import hookimpl

__all__ = [
    "Bulk", "Conflict", "Context", "Converter", "Dispatch", "Door", "Doorway", "Element", "Event", "Format",
    "Gathering", "Headed", "Link", "Naming", "Native", "Natives", "OutFile", "Outcome", "Payload", "Probe", "Receipt",
    "Released", "RenderContext", "Screening", "Settings", "Submitted", "Thing", "Withheld", "hookimpl",
]  # fmt: skip
