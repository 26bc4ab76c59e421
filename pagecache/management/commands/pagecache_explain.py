"""`manage.py pagecache_explain`: what would happen to a request, and why."""

import time
from argparse import ArgumentParser
from collections.abc import Iterator
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.management.base import BaseCommand, CommandError
from django.http import Http404, HttpRequest
from django.test import RequestFactory
from django.urls import resolve
from django.utils.module_loading import import_string

from pagecache.announcing import site_names, site_store
from pagecache.bridge import routes
from pagecache.bridge.visit import DjangoVisit
from pagecache.core.codec import FOREVER, Entry
from pagecache.core.keys import Field
from pagecache.core.reasons import Reason
from pagecache.core.rules import REQUEST_RULES
from pagecache.core.types import Input, Refused
from pagecache.core.vector import is_unsettled
from pagecache.decorators import arrive
from pagecache.engine.drive import drive
from pagecache.engine.flow import examine


class Command(BaseCommand):
    """Ask every rule about a request for a URL, and show the page that is stored for it."""

    help = "Say what would happen to a GET of this URL by a visitor who is not logged in, and why."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Describe the request."""
        parser.add_argument(
            "url", help="a path such as /news/?page=2, or a URL with scheme and host"
        )
        parser.add_argument(
            "--header",
            action="append",
            default=[],
            metavar="'NAME: VALUE'",
            help="send this header",
        )
        parser.add_argument(
            "--cookie", action="append", default=[], metavar="NAME=VALUE", help="send this cookie"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print the answer of each rule, then the look-up."""
        visit = _visit(_request(options))
        if visit is None:
            message = "PageCacheMiddleware is not in MIDDLEWARE, and the view has no cache_page: the view answers."
            self.stdout.write(message)
            return
        self.stdout.write(f"GET {options['url']}\n\nRules")
        reasons = []
        for rule in REQUEST_RULES:
            reason = rule(visit.asked)
            reasons += [reason] if reason else []
            self.stdout.write(
                f"  {rule.__name__:<16} " + (f"{reason}: {reason.why}" if reason else "ok")
            )
        if reasons:
            self.stdout.write(f"\nThe view answers ({reasons[0]}); nothing is looked up or stored.")
            return
        drive(examine(visit))
        for line in _story(visit):
            self.stdout.write(line)


def _visit(request: HttpRequest) -> DjangoVisit | None:
    ours = (path for path in settings.MIDDLEWARE if routes.leads_to(path, routes.OURS))
    if (path := next(ours, None)) is not None:
        visit: DjangoVisit = import_string(path)(lambda _request: None).arrive(request)
        return visit
    try:
        request.resolver_match = resolve(request.path_info)
    except Http404:
        return None
    return arrive(request)


def _request(options: dict[str, Any]) -> HttpRequest:
    url = urlsplit(options["url"])
    if not url.path.startswith("/"):
        message = f"{options['url']!r} is no URL: start it with / or with https://."
        raise CommandError(message)
    host = url.netloc or next(
        (host.lstrip(".") for host in settings.ALLOWED_HOSTS if host != "*"), "localhost"
    )
    headers = dict(_pair(header, ":") for header in options["header"])
    if options["cookie"]:
        headers["Cookie"] = "; ".join(options["cookie"])
    target = url.path + (f"?{url.query}" if url.query else "")
    request = RequestFactory().generic(
        "GET", target, secure=url.scheme == "https", headers={"Host": host, **headers}
    )
    request.user = AnonymousUser()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore()
    return request


def _pair(text: str, separator: str) -> tuple[str, str]:
    name, found, value = text.partition(separator)
    if not found:
        message = f"{text!r} is no header: write it as 'Name: value'."
        raise CommandError(message)
    return name.strip(), value.strip()


def _story(visit: DjangoVisit) -> Iterator[str]:
    found = visit.found
    if found.reason is not None:
        yield f"\nThe view answers ({found.reason}: {found.reason.why})."
        return
    yield "\nKey"
    for name, value in zip(visit.FIELDS, visit.fields(), strict=True):
        yield f"  {name:<16} {value!r}"
    for item in found.recipe:
        yield f"  {item.kind + ' ' + item.name:<16} {_value(visit, item)}"
    if not found.has_recipe:
        yield "  (no page of this path was stored yet, so what it reads of a request is not known)"
    yield f"  in the store as  {found.key}"
    barred = next(filter(None, (_bar(visit, item) for item in found.recipe)), None)
    if found.entry is not None:
        yield "\nThe stored page answers (hit)."
        yield from _page(found.entry)
    elif barred is not None:
        yield f"\nThe view answers ({barred}: {barred.why}); its page is stored if it does not read that this time."
    elif unsettled := [tag for tag, version in found.starts.items() if is_unsettled(version)]:
        yield f"\nThe view answers, and its page is not stored ({Reason.UNSETTLED}: {Reason.UNSETTLED.why}):"
        yield from (f"  {tag}" for tag in unsettled)
    else:
        yield f"\nThe view answers ({found.forward}), and its page is stored unless the render speaks against it."


def _bar(visit: DjangoVisit, item: Input) -> Reason | None:
    """Return why a value can be in no key."""
    try:
        visit.value(item)
    except Refused as refused:
        return refused.reason
    return None


def _value(visit: DjangoVisit, item: Input) -> str:
    bar = _bar(visit, item)
    return (
        _shown(visit.value(item)) if bar is None else f"({bar}: only for pages that do not read it)"
    )


def _shown(value: Field) -> str:
    return repr(list(value) if isinstance(value, tuple) else value)


def _page(entry: Entry) -> Iterator[str]:
    now = time.time()
    left = "without limit" if entry.expires == FOREVER else f"for {entry.expires - now:.0f} s more"
    yield f"  status {entry.status}, {len(entry.body)} bytes, made {now - entry.created:.0f} s ago, kept {left}"
    if entry.holes:
        yield f"  filled for each visitor: {', '.join(sorted({hole.name for hole in entry.holes}))}"
    yield "\nTags and their versions"
    for tag, version in zip(
        entry.tags, site_store().fetch(site_names().versions(entry.tags)), strict=True
    ):
        yield f"  {tag:<32} {version.hex() if version else 'absent'}"
