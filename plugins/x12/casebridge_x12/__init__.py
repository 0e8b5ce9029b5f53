"""CaseBridge adapter: x12."""
