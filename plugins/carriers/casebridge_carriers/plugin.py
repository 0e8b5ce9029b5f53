"""The hooks of the carriers adapter."""
