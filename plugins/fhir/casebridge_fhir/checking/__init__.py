"""Our own checks of FHIR payloads against SDOH Clinical Care 3.0.0."""

from casebridge_fhir.checking.expansions import Expansions
from casebridge_fhir.checking.payload import check
from casebridge_fhir.checking.reading import looks_like_fhir, read

__all__ = ["Expansions", "check", "looks_like_fhir", "read"]
