"""CaseBridge adapter: carriers."""
