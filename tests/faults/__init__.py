"""A cache server that misbehaves in every way we know of, under load."""
