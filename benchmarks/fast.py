"""The site with pagecache's lanes before Django, as a server runs it."""

from __future__ import annotations

from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

from pagecache import asgi, wsgi

over_wsgi = wsgi.PageCache(get_wsgi_application())
over_asgi = asgi.PageCache(get_asgi_application())
