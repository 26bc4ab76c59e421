"""Where pagecache stands among the site's middleware: what each way into it makes sure of at start-up."""

from collections.abc import Sequence

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.utils.module_loading import import_string

from pagecache import conf
from pagecache.announcing import site_store
from pagecache.bridge import routes
from pagecache.bridge.addresses import Address, address_of
from pagecache.bridge.arrivals import STOCK, watched
from pagecache.bridge.asked import DjangoAsked
from pagecache.bridge.guesses import Guesses
from pagecache.bridge.outside import is_unseen
from pagecache.bridge.ways import Recalled, Ways
from pagecache.core.reasons import Reason
from pagecache.core.types import Route
from pagecache.recording import handlers, observers, stock


class Place:
    """What stands around one class of middleware in `MIDDLEWARE`.

    Raises ImproperlyConfigured where `PAGECACHE` is wrong or wants what the cache cannot do, the app is not installed,
    or `MIDDLEWARE` does not name the class itself.
    """

    def __init__(self, own: type) -> None:
        if not apps.is_installed("pagecache"):
            message = "PageCacheMiddleware needs 'pagecache' in INSTALLED_APPS: without it no write is seen."
            raise ImproperlyConfigured(message)
        if conf.get().options.LOCAL == "push":
            site_store()
        stock.install(settings.MIDDLEWARE)
        if (problem := next(observers.problems(settings.MIDDLEWARE), None)) is not None:
            raise ImproperlyConfigured(problem)
        outside, inside = _split(settings.MIDDLEWARE, own)
        self.outside = frozenset(outside)
        self._is_outside_unknown = bool(routes.unknown_outside(outside))
        self._has_pages = handlers.goes_by_urlconf()
        self._derives_language = stock.LOCALE in inside
        before = inside[: inside.index(stock.LOCALE)] if self._derives_language else ()
        self._shows_before = bool(routes.unknown_outside(before))
        self.ways, self.guesses = Ways(), Guesses()

    def recall(
        self, request: HttpRequest, guess: Recalled | None = None
    ) -> tuple[Address | None, Recalled | None]:
        """Return the address of a request, and what is known of one that said the same: of what was guessed, first."""
        is_plain = type(request) in STOCK and not self.outside
        address = address_of(request, is_unseen(request)) if is_plain else None
        return address, self.ways.recall(address, request.META, guess)

    def facts_of(
        self, request: HttpRequest, address: Address | None, recalled: Recalled | None
    ) -> DjangoAsked:
        """Return the facts of a request at an address, of which something may be known."""
        if recalled is not None:
            return recalled.facts(request.META, lambda: request)
        if address is None:
            return self.facts(request)
        return self.ways.watch(address, request.META, self.facts(watched(request)))

    def facts(self, request: HttpRequest) -> DjangoAsked:
        """Take down the facts of a request as it came."""
        asked = DjangoAsked(
            request,
            derives_language=self._derives_language and settings.USE_I18N,
            shows_before=self._shows_before,
        )
        if not self._has_pages:
            asked.route = Route(Reason.UNRESOLVED)
        elif self._is_outside_unknown or not is_unseen(request):
            asked.route = Route(Reason.OUTSIDE)
        else:
            asked.route = routes.route(asked.path, asked.urlconf, asked.language)
        return asked


def _split(middleware: Sequence[str], own: type) -> tuple[Sequence[str], Sequence[str]]:
    """Return what stands outside pagecache and what stands inside."""
    for index, path in enumerate(middleware):
        if import_string(path) is own:
            return middleware[:index], middleware[index + 1 :]
    raise ImproperlyConfigured(
        f"{own.__name__} is not itself in MIDDLEWARE, so what stands around it is not known. Name it there by its "
        "dotted path, not a function that makes it; PAGECACHE['ENABLED'] switches it off and on."
    )
