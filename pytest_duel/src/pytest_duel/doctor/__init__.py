"""What about a machine hurts a measurement."""
