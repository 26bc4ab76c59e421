"""A page for everybody, and the accounts of allauth."""
