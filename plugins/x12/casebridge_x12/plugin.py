"""The hooks of the x12 adapter."""
