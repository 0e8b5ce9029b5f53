"""The FHIR door: a FHIR R4 server for partners."""
