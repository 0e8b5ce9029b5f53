"""CaseBridge: an interoperability gateway for social-work case management. These are its public names."""

from casebridge.adapter import (
    Bulk,
    Conflict,
    Context,
    Converter,
    Dispatch,
    Door,
    Doorway,
    Examined,
    Format,
    Gathering,
    Headed,
    Link,
    Loading,
    MovedOn,
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
    Searched,
    Settings,
    Shelf,
    Shelved,
    Sought,
    Submitted,
    Thing,
    Wish,
)  # fmt: skip
from casebridge.core.event import Event
from casebridge.core.finding import Checking, Finding
from casebridge.core.native import Element
from casebridge.core.population import Headway, Population, Withdrawal
from casebridge.core.released import Released, Withheld
from casebridge.core.steps import Step
from casebridge.hookspecs import hookimpl

__all__ = [
    "Bulk", "Checking", "Conflict", "Context", "Converter", "Dispatch", "Door", "Doorway", "Element", "Event",
    "Examined", "Finding", "Format", "Gathering", "Headed", "Headway", "Link", "Loading", "MovedOn", "Naming",
    "Native", "Natives", "OutFile", "Outcome", "Payload", "Population", "Probe", "Receipt", "Released",
    "RenderContext", "Screening", "Searched", "Settings", "Shelf", "Shelved", "Sought", "Step", "Submitted", "Thing",
    "Wish", "Withdrawal", "Withheld", "hookimpl",
]  # fmt: skip
