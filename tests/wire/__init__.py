"""A site that real servers serve to other people's clients and caches."""
