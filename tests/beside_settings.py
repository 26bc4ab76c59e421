"""Settings of a process beside the tests: the same site, with the database and the cache that they name."""

import json
import os

from tests.settings import *  # noqa: F403 all of it

given = json.loads(os.environ["BESIDE"])
if given["database"]["ENGINE"].endswith("mysql"):
    import pymysql

    pymysql.install_as_MySQLdb()

DATABASES = {"default": given["database"]}
CACHES = given["caches"]
PAGECACHE = given["pagecache"]
