"""The hooks of the hmis adapter."""
