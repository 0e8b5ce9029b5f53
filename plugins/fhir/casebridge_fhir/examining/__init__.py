"""What ``casebridge doctor`` looks at with a FHIR server, step by step; ``examination`` has the order of the steps."""
