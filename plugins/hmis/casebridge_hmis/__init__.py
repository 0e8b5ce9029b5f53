"""CaseBridge adapter: HMIS CSV FY2026, in and out, as one zip."""
