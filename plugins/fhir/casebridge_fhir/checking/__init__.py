"""Our own checks of FHIR payloads against SDOH Clinical Care 3.0.0."""

from casebridge_fhir.checking.expansions import Expansions
from casebridge_fhir.checking.payload import check

__all__ = ["Expansions", "check"]
