"""The hooks of the fhir adapter."""

from __future__ import annotations

from collections.abc import Callable

from casebridge import Converter, Door, Format, Link, Natives, hookimpl
from casebridge_fhir.answers import ANSWERS
from casebridge_fhir.decimals import DECIMAL
from casebridge_fhir.door.door import FhirDoor
from casebridge_fhir.door.link import FhirDoorLink
from casebridge_fhir.format import FhirR4
from casebridge_fhir.jwks_door import JwksDoor
from casebridge_fhir.link import FhirRest
from casebridge_fhir.natives import NATIVES
from casebridge_fhir.subscribing.door import NotifyDoor


@hookimpl
def register_formats(register: Callable[[type[Format]], None]) -> None:
    """The format ``fhir-r4``."""
    register(FhirR4)


@hookimpl
def register_links(register: Callable[[type[Link]], None]) -> None:
    """The links ``fhir-rest`` (we go to them) and ``fhir`` (they come to us)."""
    register(FhirRest)
    register(FhirDoorLink)


@hookimpl
def register_doors(register: Callable[[type[Door]], None]) -> None:
    """The doors ``fhir`` and ``jwks``."""
    register(FhirDoor)
    register(JwksDoor)
    register(NotifyDoor)


@hookimpl
def register_converters(register: Callable[[Converter], None]) -> None:
    """``fhir-answers`` and ``fhir-decimal``."""
    register(ANSWERS)
    register(DECIMAL)


@hookimpl
def register_natives(register: Callable[[Natives], None]) -> None:
    """The elements of ``fhir-r4/<Resource>``."""
    register(NATIVES)
