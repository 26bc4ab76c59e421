"""System checks: what is wrong with the settings, before the first request."""

from pagecache.checks import caches, middleware, stated

__all__ = ["caches", "middleware", "stated"]
