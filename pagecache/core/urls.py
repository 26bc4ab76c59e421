"""Patterns of `EXCLUDE`, `INCLUDE` and `RULES`: a regular expression on the path, or a name of the view.

And what a URL in a response means for the cache.
"""

import re
from collections.abc import Callable, Iterable
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from pagecache.core.types import Resolved

Pattern = Callable[[str, Resolved], bool]
PREFIXES = ("name:", "namespace:", "app:")
PORTS = {"http": 80, "https": 443}


def compile_pattern(text: str) -> Pattern:
    """Return a predicate `(path, resolved view) -> bool`; raises `re.error` for a bad regular expression.

    `name:blog:detail` is a view's full name, `namespace:admin` an instance namespace, `app:admin` an
    application namespace; anything else is searched for in the path with its leading slash.
    """
    if not text.startswith(PREFIXES):
        search = re.compile(text).search
        return lambda path, _view: search(path) is not None
    kind, _, rest = text.partition(":")
    if kind == "name":
        return lambda _path, view: view.name == rest
    if kind == "namespace":
        return lambda _path, view: rest in view.namespaces
    return lambda _path, view: rest in view.app_names


def matches_any(patterns: Iterable[Pattern], path: str, view: Resolved) -> bool:
    """Whether one of the patterns matches."""
    return any(pattern(path, view) for pattern in patterns)


def path_within_origin(reference: str, target: str) -> str | None:
    """Return the decoded path of a URL that a response for a target names; None for another origin's, or for none."""
    try:
        url, own = urlsplit(urljoin(target, reference)), urlsplit(target)
        return unquote(url.path) or "/" if reference and _origin(url) == _origin(own) else None
    except ValueError:
        return None


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or PORTS.get(url.scheme)
