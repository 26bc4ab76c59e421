"""Sites as well-known packages document them, with pagecache first in line; `sites.py` runs their tests."""
