"""CaseBridge adapter: fhir."""
