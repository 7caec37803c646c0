"""Studies to begin with."""
