"""The site as servers find it."""

import os

from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.wire.settings"
asgi = get_asgi_application()
wsgi = get_wsgi_application()
