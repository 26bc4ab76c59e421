"""The story of one request, as a generator of effects, and the two loops that carry them out."""
