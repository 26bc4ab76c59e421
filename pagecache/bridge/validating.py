"""Asking the view whether a page that has ended is as it was (RFC 9111 4.3)."""

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from pagecache.bridge.answers import Asked
from pagecache.bridge.downstream import etag, keep_for_one
from pagecache.bridge.fields import has
from pagecache.core import freshness
from pagecache.core.codec import Entry
from pagecache.core.conditions import is_weak, names
from pagecache.core.ranges import holds
from pagecache.recording.mappings import CONDITIONAL

RENEWED = {"cache-status", "date"}  # of the answer alone


def has_validator(response: HttpResponseBase) -> bool:
    """Whether the view gave a page something to tell it by."""
    return has(response, "etag") or has(response, "last-modified")


def validators(entry: Entry) -> Asked:
    """Return the conditions by which a view can say that a page is as it was (RFC 9111 4.3.1)."""
    fields = {name.lower(): value for name, value in entry.headers}
    own = etag(entry.material, fields.get("content-encoding", ""), entry.body)
    given = fields.get("etag"), fields.get("last-modified")
    named = dict(zip(CONDITIONAL, given, strict=True))
    return {name: value for name, value in named.items() if value is not None and value != own}


def says_as_it_was(response: HttpResponseBase, entry: Entry) -> bool:
    """Whether a 304 is for the page of an entry: by a strong validator if it has one (RFC 9111 4.3.4).

    One without validators is: that page alone was asked about.
    """
    fields = {name.lower(): value for name, value in entry.headers}
    tag, changed = response.get("ETag"), response.get("Last-Modified")
    if tag is None:
        return changed in {None, fields.get("last-modified")}
    if is_weak(tag):
        return names(tag, fields.get("etag"))
    return any(holds(one, fields, entry.created) for one in (tag, changed or ""))


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
