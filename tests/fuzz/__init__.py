"""Noise in requests and in the store."""
