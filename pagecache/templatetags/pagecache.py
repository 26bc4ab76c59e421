"""`{% pagecache_hole "dotted.path" %}`: a part of a page that each visitor gets of their own."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.template import Context, Library, Node, TemplateSyntaxError
from django.template.base import Parser, Token
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString, mark_safe

from pagecache.recording.holes import IN_CACHE, functions, hole

register = Library()


class HoleNode(Node):
    """Shows what a function of the site gives for the request."""

    def __init__(self, path: str, function: Callable[..., Any]) -> None:
        self.path = path
        self.function = function

    def render(self, context: Context) -> SafeString:
        """Call the function; in a page that may be stored, its place is noted."""
        request = getattr(context, "request", None) or context.get("request")
        if request is None:
            raise TemplateSyntaxError(
                "{% pagecache_hole %} needs the request: render the template with it, as `render(request, ...)` does."
            )
        request = getattr(request, "_request", request)  # of Django REST framework's request
        return mark_safe(hole(request, self.path, self.function))  # noqa: S308 escaped where it is made


@register.tag
def pagecache_hole(parser: Parser, token: Token) -> HoleNode:
    """Show what a function gives: `{% pagecache_hole "shop.holes.basket" %}`, where `basket(request)` returns text.

    In a stored page it is called anew for every visitor, behind the site's middleware, with the visitor's request.
    Text that is not marked as safe is escaped. Whatever it reads keys nothing, and the page does not depend on it.
    Raises TemplateSyntaxError for what is no dotted path of a function, for an async one, and inside `{% cache %}`,
    which would keep what one visitor sees.
    """
    _, *words = token.split_contents()
    path = words[0].strip("'\"") if len(words) == 1 else ""
    if not path or words[0] == path:
        raise TemplateSyntaxError(
            '{% pagecache_hole %} takes the dotted path of a function, as in {% pagecache_hole "shop.holes.basket" %}.'
        )
    if any(command == "cache" for command, _ in parser.command_stack):
        raise TemplateSyntaxError(IN_CACHE)
    functions[path] = _function(path)
    return HoleNode(path, functions[path])


def _function(path: str) -> Callable[..., Any]:
    try:
        function = import_string(path)
    except ImportError as error:
        raise TemplateSyntaxError(
            f"{{% pagecache_hole %}} names {path!r}, which cannot be imported: {error}."
        ) from error
    if not callable(function) or iscoroutinefunction(function):
        raise TemplateSyntaxError(
            f"{{% pagecache_hole %}} names {path!r}: let it be a function of a request that is not async."
        )
    return function  # type: ignore[no-any-return]  # whatever was found
