"""Partners subscribe at our FHIR door: they are told when something on their shelf changes."""
