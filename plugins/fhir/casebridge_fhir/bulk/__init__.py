"""FHIR Bulk Data Access 2.0 as a client: a population is exported there and its files are fetched."""
