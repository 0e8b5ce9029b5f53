"""CaseBridge adapter: flatfile."""
