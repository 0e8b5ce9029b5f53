"""CaseBridge adapter: hmis."""
