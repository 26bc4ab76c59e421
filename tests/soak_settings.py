"""Settings of the demo site on the database that `SOAK_DATABASE` names, an item for `DATABASES` as JSON."""

import json
import os

from demo_site.settings import *  # noqa: F403 all of it

if database := json.loads(os.environ.get("SOAK_DATABASE", "null")):
    if database["ENGINE"].endswith("mysql"):
        import pymysql

        pymysql.install_as_MySQLdb()
    DATABASES = {"default": database}
