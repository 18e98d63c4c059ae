"""How good it is, against what."""
