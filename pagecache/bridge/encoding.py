"""Pages in a content coding: which are compressed, once, and how each client gets them."""

from typing import Any, NamedTuple

from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from pagecache import conf
from pagecache.bridge.asked import DjangoAsked
from pagecache.bridge.fields import by_lower_name
from pagecache.core import codings, types
from pagecache.core.codec import Entry
from pagecache.core.types import Input

IF_MATCH = "HTTP_IF_MATCH"


class Packed(NamedTuple):
    """The body of a page in a content coding."""

    body: bytes
    coding: str


def gains(response: HttpResponseBase, size: int, asked: DjangoAsked, *inputs: Input) -> bool:
    """Whether a page with these inputs is to be compressed, which is nobody's in particular.

    One that has a visitor's cookie in its key may show what is theirs alone, beside what a link of somebody else made
    it show; who sees how long it is, compressed, could guess at the one by the other.
    """
    if conf.get().coding is None or _has_keyed_cookie(asked, inputs):
        return False
    return codings.gains(by_lower_name(response), size)


def _has_keyed_cookie(asked: DjangoAsked, inputs: tuple[Input, ...]) -> bool:
    if not asked.cookie_header:
        return False
    named = {item.name for item in inputs if item.kind == types.COOKIE}
    return Input(types.VARY, "cookie") in inputs or not named.isdisjoint(asked.cookies)


def pack(body: bytes) -> Packed | None:
    """Return a body in the site's coding, None where it is no shorter so."""
    coding = conf.get().coding
    packed = None if coding is None else Packed(coding.compress(body), coding.name)
    return packed if packed is not None and len(packed.body) < len(body) else None


def opened(entry: Entry, asked: DjangoAsked) -> Entry | None:
    """Return an entry as its client takes it, compressed or not; None for one that this process cannot open."""
    if not entry.coding:
        return entry
    coding = conf.get().coding_of(entry.coding)
    return entry if coding is not None and asked.takes(coding.name) else plain(entry)


def plain(entry: Entry) -> Entry | None:
    """Return an entry with its body as it was made; None where that cannot be had."""
    if not entry.coding:
        return entry
    coding = conf.get().coding_of(entry.coding)
    most = conf.get().options.MAX_BYTES
    body = None if coding is None else coding.expand(entry.body, most)
    return None if body is None else entry._replace(body=body, coding="")


def offer(response: HttpResponseBase) -> None:
    """Tell caches further down that there is the page in a coding, too."""
    patch_vary_headers(response, ["Accept-Encoding"])


def mark(response: Any, coding: str) -> None:
    """Let a response whose body is in a coding say so."""
    response["Content-Encoding"] = coding
    if response.has_header("ETag"):
        response["ETag"] = codings.etag_in(response["ETag"], coding)
    if response.has_header("Content-Length"):
        response["Content-Length"] = str(len(response.content))


def match_plain(meta: dict[str, Any]) -> None:
    """Let `If-Match` name the page as its view does, too: that knows of no coding."""
    coding = conf.get().coding
    if coding is not None and IF_MATCH in meta:
        meta[IF_MATCH] = codings.also_plain(meta[IF_MATCH], coding.name)
