"""What a server runs, with both fast lanes."""

from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

from pagecache import asgi, wsgi  # pagecache.wsgi and pagecache.asgi

of_threads = wsgi.PageCache(get_wsgi_application())
of_loops = asgi.PageCache(get_asgi_application())
