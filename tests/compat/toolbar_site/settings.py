"""What django-debug-toolbar asks for; the tests say where its middleware stands."""

from tests.compat.base import *  # noqa: F403 all of it
from tests.compat.base import INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS = [*INSTALLED_APPS, "debug_toolbar", "tests.compat.toolbar_site"]
TOOLBAR = "debug_toolbar.middleware.DebugToolbarMiddleware"
MIDDLEWARE = [MIDDLEWARE[0], TOOLBAR, *MIDDLEWARE[1:]]
ROOT_URLCONF = "tests.compat.toolbar_site.urls"
INTERNAL_IPS = ["127.0.0.1"]
DEBUG_TOOLBAR_CONFIG = {"IS_RUNNING_TESTS": False, "RENDER_PANELS": True}
