"""The hooks of the flatfile adapter."""
