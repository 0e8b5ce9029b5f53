"""CaseBridge adapter: HMIS CSV FY2026 and FY2024, in and out, as one zip."""
