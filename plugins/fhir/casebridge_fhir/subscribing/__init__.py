"""We subscribe at a partner's FHIR server: it tells us when to poll."""
