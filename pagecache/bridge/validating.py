"""Asking the view whether a page that has ended is as it was (RFC 9111 4.3)."""

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from pagecache.bridge.answers import Asked
from pagecache.bridge.downstream import etag, keep_for_one
from pagecache.core import freshness
from pagecache.core.codec import Entry
from pagecache.core.conditions import opaque
from pagecache.recording.mappings import CONDITIONAL

RENEWED = {"cache-status", "date"}  # of the answer alone


def has_validator(response: HttpResponseBase) -> bool:
    """Whether the view gave a page something to tell it by."""
    return response.has_header("ETag") or response.has_header("Last-Modified")


def validators(entry: Entry) -> Asked:
    """Return the conditions by which a view can say that a page is as it was (RFC 9111 4.3.1)."""
    fields = {name.lower(): value for name, value in entry.headers}
    own = etag(entry.material, fields.get("content-encoding", ""), entry.body)
    given = fields.get("etag"), fields.get("last-modified")
    named = dict(zip(CONDITIONAL, given, strict=True))
    return {name: value for name, value in named.items() if value is not None and value != own}


def says_as_it_was(response: HttpResponseBase, asked: Asked) -> bool:
    """Whether a response is the answer to the conditions that its view got, and not to others (RFC 9111 4.3.4)."""
    tag, named = response.get("ETag"), asked.get(CONDITIONAL[0])
    is_same = tag is None or named is None or opaque(tag) == opaque(named)
    return bool(asked) and response.status_code == 304 and is_same  # noqa: PLR2004 a status code


def updated(entry: Entry, said: HttpResponseBase) -> HttpResponse:
    """Return the page of an entry with what its view said when it is as it was (RFC 9111 3.2)."""
    whole = HttpResponse(entry.body, content_type="", status=entry.status)
    stored = [field for field in entry.headers if field[0].lower() not in RENEWED]
    new = [field for field in said.items() if field[0].lower() not in freshness.OF_THE_BODY]
    whole.headers._store = {name.lower(): (name, value) for name, value in (*stored, *new)}  # noqa: SLF001 as `serve`
    if said.cookies:
        whole.cookies = said.cookies
        keep_for_one(whole, said.get("Vary", ""))
    return whole
