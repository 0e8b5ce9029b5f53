"""The hooks of the fhir adapter."""
