"""What caches further down are told of a page: in browsers and CDNs, where no copy can be called back."""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256

from django.http import HttpResponse
from django.utils.cache import patch_cache_control, patch_vary_headers

from pagecache import conf
from pagecache.bridge.fields import has, say, spelled, value_of
from pagecache.core import types
from pagecache.core.headers import cache_control, vary_names
from pagecache.core.holes import CSRF
from pagecache.core.search import no_vary_search
from pagecache.core.targeted import is_targeted
from pagecache.core.types import Input

COOKIE_KINDS = {types.COOKIE, types.SESSION, types.USER, types.MESSAGES, types.HOLE}
SAID = {"max-age", "no-cache", "no-store", "s-maxage"}  # how long a copy is fresh
VALIDATED = ("ETag", "Expires", "Last-Modified")
DIGITS = 24  # of an entity tag that is ours
RECIPES = 1000  # of which it is remembered what they mean

_searched = lru_cache(RECIPES)(no_vary_search)


def dress(
    response: HttpResponse,
    inputs: tuple[Input, ...],
    material: bytes,
    *,
    downstream: int | None,
    shared: bool,
) -> None:
    """Give a response that is stored what caches further down need: a validator, a freshness, a `Vary`.

    A copy in a browser or a CDN cannot be called back, so it gets what the site said and nothing longer.
    """
    vary(response, inputs)
    if (searched := _searched(inputs)) and not has(response, "no-vary-search"):
        say(response, "No-Vary-Search", searched)
    if not has(response, "etag"):
        coding = value_of(response, "content-encoding")
        say(response, "ETag", etag(material, coding, response.content))
    before = value_of(response, "cache-control")
    stated = cache_control(before)
    if not stated.keys() & SAID and not has(response, "expires"):
        seconds = conf.get().options.DOWNSTREAM_MAX_AGE if downstream is None else downstream
        told = ["max-age=0", "must-revalidate"] if seconds == 0 else [f"max-age={seconds}"]
        # Behind what the view said, as it said it: Django's own way takes strings apart.
        said = [before] if before else []
        told = [directive for directive in told if directive not in stated]
        say(response, "Cache-Control", ", ".join(said + told))
    if not shared:
        patch_cache_control(response, private=True)
        _untarget(response)


def etag(material: bytes, encoding: str, body: bytes) -> str:
    """Return an entity tag for a page whose view gave none."""
    # Most processors have instructions for it.
    digest = sha256(b"|".join((material, encoding.encode(), body)))
    return f'"{digest.hexdigest()[:DIGITS]}"'


def dress_with_holes(response: HttpResponse, inputs: tuple[Input, ...], names: set[str]) -> None:
    """Tell caches further down that the page is its visitor's alone, and made anew each time."""
    vary(response, (*inputs, Input(types.HOLE)))
    for name in VALIDATED:
        del response[name]
    _untarget(response)
    told = "private, no-cache" if names == {CSRF} else "private, no-store"
    say(response, "Cache-Control", told)


def keep_for_one(response: HttpResponse, varies: str) -> None:
    """Tell caches further down that a response has the cookies of its visitor, and by what these differ."""
    patch_vary_headers(response, [*filter(None, map(str.strip, varies.split(","))), "Cookie"])
    patch_cache_control(response, private=True)
    _untarget(response)


def _untarget(response: HttpResponse) -> None:
    """Let no field for some caches alone allow what `private` forbids all."""
    for name, _ in spelled(response):
        if is_targeted(name):
            del response[name]


def vary(response: HttpResponse, inputs: tuple[Input, ...]) -> None:
    """Name the headers that a page differs by."""
    names = _named(inputs)
    if not names.keys() <= set(vary_names(value_of(response, "vary"))):
        patch_vary_headers(response, names.values())


@lru_cache(RECIPES)
def _named(inputs: tuple[Input, ...]) -> Mapping[str, str]:
    """Return the headers that hold inputs, by their names in lower case."""
    return {name.lower(): name for item in inputs if (name := _vary_name(item))}


def _vary_name(item: Input) -> str | None:
    if item.kind in COOKIE_KINDS:
        return "Cookie"
    return item.name.title() if item.kind in {types.HEADER, types.VARY} else None
