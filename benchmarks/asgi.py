"""The site as a server with an event loop runs it."""

from __future__ import annotations

from django.core.asgi import get_asgi_application

application = get_asgi_application()
