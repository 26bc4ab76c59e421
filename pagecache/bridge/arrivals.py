"""A WSGI request before Django has it: what it says, and nothing that only its view needs."""

from typing import Any

from django.core.handlers.wsgi import WSGIRequest, get_path_info, get_script_name
from django.http import HttpRequest


class Arrival(WSGIRequest):
    """The facts of a request by the steps of Django's class; that writes into the environment, and reads more of it."""

    def __init__(self, environ: dict[str, Any]) -> None:
        script, path = get_script_name(environ), get_path_info(environ) or "/"
        self.given = environ
        self.environ = self.META = {**environ, "PATH_INFO": path, "SCRIPT_NAME": script}
        self.path_info = path
        self.path = f"{script.rstrip('/')}/{path.replace('/', '', 1)}"
        self.method = environ["REQUEST_METHOD"].upper()
        _ = environ["wsgi.input"]  # without which Django fails


def whole(request: HttpRequest) -> HttpRequest:
    """Return the request as Django makes it, for code of the site."""
    return WSGIRequest(dict(request.given)) if isinstance(request, Arrival) else request
