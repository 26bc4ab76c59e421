"""Settings of a process that listens: it shares the database and the cache of the test that starts it."""

import json
import os

from tests.settings import *  # noqa: F403 all of it

DATABASES = {"default": json.loads(os.environ["LISTEN_DATABASE"])}
CACHES = json.loads(os.environ["LISTEN_CACHES"])
