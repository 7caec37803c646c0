"""How far the gate can be trusted on a machine."""
