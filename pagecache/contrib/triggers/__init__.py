"""Writes that Django does not see: triggers in PostgreSQL tell of them, `manage.py pagecache_listen` announces them.

`Watch` in a migration watches the table of a model, `Renew` brings the triggers up to date.
"""

from pagecache.contrib.triggers.operations import Renew, Watch

__all__ = ["Renew", "Watch"]
