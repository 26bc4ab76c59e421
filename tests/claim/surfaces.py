"""The ways in which a page reads its request: all that Django offers, and what it derives from it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sites.requests import RequestSite
from django.http import QueryDict
from django.middleware.csrf import get_token
from django.urls import get_urlconf, reverse
from django.utils import timezone, translation

from tests.claim.ways import (
    AS_WHOLE,
    BY_NAME,
    QUERY,
    TEXTUAL,
    Use,
    after,
    all_of,
    clone,
    headers_of,
    in_template,
    item_of,
    meta,
    nameless,
    texts,
    under,
)
from tests.lanes import unrecorded

PARAMS = ("a", "b", "q")
COOKIES = ("theme", "cart", "_ga", "django_language")
HEADERS = (
    "X-Fruit", "HX-Request", "User-Agent", "Accept", "Accept-Language", "Origin", "X-Forwarded-For",
    "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port",
)  # fmt: skip
ADDRESSES = ("REMOTE_ADDR", "REMOTE_HOST", "REMOTE_USER", "REMOTE_PORT", "SSL_CLIENT_S_DN")


@dataclass(frozen=True)
class Surface:
    """Something that can be read in several ways.

    `about` are the dimensions in which visitors may differ for it, `{}` in them its name, with the values that matter
    where most do not; `needs` are settings under which it is read. `shared` says whether pages that read it may be
    shared at all.
    """

    uses: Mapping[str, Use]
    about: tuple[str, ...]
    values: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    names: tuple[str, ...] = ("",)
    needs: Mapping[str, Any] = field(default_factory=dict)
    shared: bool = True
    on_loop: bool = False  # whether its uses are to be awaited
    own: bool = False  # whether it is its visitor's own, and made anew each time


def _get(request: Any) -> Any:
    return request.GET


def _cookies(request: Any) -> Any:
    return request.COOKIES


def _meta(request: Any) -> Any:
    return request.META


def _activated(request: Any, name: str) -> str:
    with translation.override(request.GET.get(name)):
        return translation.gettext("Yes")


async def _auser(request: Any, name: str) -> str:
    return (await request.auser()).get_username()  # type: ignore[no-any-return]


async def _auser_known(request: Any, name: str) -> bool:
    return (await request.auser()).is_authenticated  # type: ignore[no-any-return]


async def _aget(request: Any, name: str) -> Any:
    return await request.session.aget("basket", "none")


async def _akeys(request: Any, name: str) -> Any:
    return sorted(await request.session.akeys())


def _written(request: Any, name: str) -> str:
    request.session["seen"] = "yes"
    return "written"


def _message(request: Any, name: str) -> str:
    messages.info(request, "Saved.")
    return "added"


def _encoded(request: Any) -> None:
    request.GET.encoding = "latin-1"


def _mutable(request: Any) -> None:
    request.GET._mutable = True
    request.GET["a"] = "own"


def _own_query(request: Any) -> None:
    request.GET = QueryDict("a=own")


def _own_header(request: Any) -> None:
    request.META["HTTP_X_FRUIT"] = "own"


def _own_cookie(request: Any) -> None:
    request.COOKIES["theme"] = "own"


def _no_language(request: Any) -> str:
    request.COOKIES["django_language"] = "none"
    return request.COOKIES["django_language"]  # type: ignore[no-any-return]


def is_hole(name: str) -> bool:
    """Whether a surface is filled by a function of the site."""
    return name.startswith("hole: ")


def _hole(name: str, *about: str) -> Surface:
    """Return a hole that a function of the site fills."""
    tag = f'{{% load pagecache %}}{{% pagecache_hole "tests.claim.holes.{name}" %}}'
    return Surface({"tag": in_template(tag)}, about, own=True)


def _without(name: str) -> Callable[[Any], str]:
    def use(request: Any) -> str:
        request.META.pop(name, None)
        return f"{request.scheme}://{request.get_host()}"

    return use


SURFACES: dict[str, Surface] = {
    "GET by name": Surface(
        {
            **item_of(_get, BY_NAME),
            "getlist": lambda r, n: r.GET.getlist(n),
            "template": in_template("{{ request.GET.NAME }}"),
            "another name": lambda r, n: r.GET.get(r.GET.get(n)),
        },
        ("query",),
        names=PARAMS,
    ),
    "GET as a whole": Surface(
        {
            **all_of(_get, AS_WHOLE, TEXTUAL, QUERY),
            "template": in_template(
                "{% for k, v in request.GET.items %}{{ k }}={{ v }} {% endfor %}"
            ),
            "querystring": in_template("{% querystring page=2 %}"),
        },
        ("query",),
    ),
    "query string": Surface(
        nameless(
            meta=lambda r: r.META["QUERY_STRING"],
            full_path=lambda r: r.get_full_path(),
            uri=lambda r: r.build_absolute_uri(),
            relative=lambda r: r.build_absolute_uri("?" + r.META["QUERY_STRING"]),
            printed=lambda r: repr(r).replace("HEAD", "GET"),
        )
        | {"template": in_template("{{ request.get_full_path }}")},
        ("query",),
    ),
    "encoding": Surface(
        {
            "latin-1": under("latin-1", lambda r, n: r.GET.get(n)),
            "iso-8859-5": under("iso-8859-5", lambda r, n: r.GET.getlist(n)),
            "of GET": after(_encoded, lambda r, n: r.GET.get(n)),
        },
        ("query",),
        {"query": ("q=%E4", "q=%F6")},
        ("q",),
    ),
    "COOKIES by name": Surface(
        {**item_of(_cookies, BY_NAME), "template": in_template("{{ request.COOKIES.NAME }}")},
        ("cookie:{}",),
        names=COOKIES,
    ),
    "signed cookie": Surface(
        {
            "get": lambda r, n: r.get_signed_cookie(n, default="none"),
            "get or raise": lambda r, n: r.get_signed_cookie(n),
            "salt": lambda r, n: r.get_signed_cookie(n, default="none", salt="own"),
        },
        ("cookie:{}",),
        names=("cart", "signed", "theme"),
    ),
    "COOKIES as a whole": Surface(
        {
            **all_of(_cookies, AS_WHOLE, TEXTUAL),
            "META": lambda r, n: r.META.get("HTTP_COOKIE"),
            "header": lambda r, n: r.headers.get("Cookie"),
            "template": in_template("{{ request.COOKIES }}"),
        },
        ("cookie",),
        shared=False,
    ),
    "headers by name": Surface(
        {**item_of(lambda r: r.headers, {k: BY_NAME[k] for k in ("[]", "get", "get or", "in")})},
        ("header:{}",),
        names=HEADERS,
    ),
    "META by name": Surface(
        headers_of(_meta)
        | {"template": lambda r, n: in_template(f"{{{{ request.META.{meta(n)} }}}}")(r, n)},
        ("header:{}",),
        names=HEADERS,
    ),
    "environ by name": Surface(headers_of(lambda r: r.environ), ("header:{}",), names=HEADERS),
    "headers as a whole": Surface(
        {
            **all_of(
                lambda r: r.headers,
                {k: AS_WHOLE[k] for k in ("iter", "items", "keys", "len", "==", "copy.copy")},
            ),
            "_store": lambda r, n: texts(r.headers._store.values()),
            "str": lambda r, n: texts(eval(str(r.headers)).items()),  # noqa: S307 our own
        },
        ("header", "cookie"),
        shared=False,
    ),
    "META as a whole": Surface(
        all_of(_meta, {k: v for k, v in AS_WHOLE.items() if k not in {"==", "len"}}),
        ("header", "cookie", "address", "query"),
        shared=False,
    ),
    "environ as a whole": Surface(
        all_of(
            lambda r: r.environ, {k: AS_WHOLE[k] for k in ("iter", "items", "dict()", "**", "copy")}
        ),
        ("header", "cookie", "address", "query"),
        shared=False,
    ),
    "scope": Surface(
        nameless(
            headers=lambda r: sorted(r.scope["headers"]),
            query=lambda r: r.scope["query_string"],
            client=lambda r: r.scope["client"],
            scheme=lambda r: r.scope["scheme"],
            path=lambda r: r.scope["path"],
            vars=lambda r: sorted(vars(r)["scope"]["headers"]),
        ),
        ("header", "cookie", "query", "address"),
        shared=False,
    ),
    "body": Surface(
        nameless(
            body=lambda r: r.body,
            read=lambda r: r.read(),
            readline=lambda r: r.readline(),
            lines=b"".join,
            stream=lambda r: r._stream.read(),
            vars=lambda r: vars(r)["_stream"].read(),
            input=lambda r: r.META["wsgi.input"].read(),
        ),
        ("body",),
        shared=False,
    ),
    "form": Surface(
        nameless(
            post=lambda r: r.POST.get("a"),
            all=lambda r: r.POST.urlencode(),
            files=lambda r: r.FILES.get("a"),
        )
        | {"template": in_template("{{ request.POST.a }}")},
        ("body", "method"),
    ),
    "host": Surface(
        nameless(
            get_host=lambda r: r.get_host(),
            uri=lambda r: r.build_absolute_uri("/x/"),
            site=lambda r: RequestSite(r).domain,
            raw=lambda r: r._get_raw_host(),
        )
        | {"header": lambda r, n: r.headers.get("Host")},
        ("host", "header:X-Forwarded-Host"),
        needs={"USE_X_FORWARDED_HOST": True},
    ),
    "server": Surface(
        {
            "name": lambda r, n: r.META.get(n),
            "port": lambda r, n: r.get_port(),
            "protocol": lambda r, n: r.META.get("SERVER_PROTOCOL"),
        },
        ("server", "host", "header:X-Forwarded-Port"),
        needs={"USE_X_FORWARDED_PORT": True},
        names=("SERVER_NAME", "SERVER_PORT", "HTTP_HOST"),
    ),
    "scheme": Surface(
        nameless(
            scheme=lambda r: r.scheme,
            is_secure=lambda r: r.is_secure(),
            uri=lambda r: r.build_absolute_uri("/x/"),
            server=lambda r: r.META.get("wsgi.url_scheme"),
        )
        | {"template": in_template("{{ request.scheme }}")},
        ("scheme", "header:X-Forwarded-Proto"),
        needs={"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")},
    ),
    "path": Surface(
        nameless(
            path=lambda r: r.path,
            info=lambda r: r.path_info,
            meta=lambda r: r.META.get("PATH_INFO"),
            match=lambda r: (r.resolver_match.kwargs, r.resolver_match.view_name),
        ),
        ("path",),
    ),
    "script name": Surface(
        nameless(
            path=lambda r: r.path,
            meta=lambda r: r.META.get("SCRIPT_NAME"),
            uri=lambda r: r.build_absolute_uri(r.path),
        ),
        ("script", "path"),
        {"path": ("/page/", "/app/page/")},
        needs={"FORCE_SCRIPT_NAME": "/app"},
    ),
    "method": Surface(
        nameless(
            method=lambda r: r.method in {"GET", "HEAD"},
            meta=lambda r: r.META["REQUEST_METHOD"] in {"GET", "HEAD"},
        ),
        ("method",),
    ),
    "urlconf": Surface(
        nameless(
            attribute=lambda r: getattr(r, "urlconf", None),
            active=lambda r: get_urlconf(),
            reverse=lambda r: reverse("page", kwargs={"rest": "x"}),
            match=lambda r: r.resolver_match.route,
        ),
        ("query",),
        {"query": ("", "u=1")},
    ),
    "user": Surface(
        nameless(
            name=lambda r: r.user.get_username(),
            known=lambda r: r.user.is_authenticated,
            key=lambda r: r.user.pk,
            str=lambda r: str(r.user),
            staff=lambda r: r.user.is_staff,
            groups=lambda r: sorted(r.user.groups.values_list("name", flat=True)),
            permitted=lambda r: r.user.has_perm("auth.add_user"),
            vars=lambda r: vars(r)["user"].pk,
            stock=lambda r: get_user(r).pk,
            equal=lambda r: r.user == AnonymousUser(),
            found=lambda r: r.user in list(User.objects.all()),
            kind=lambda r: isinstance(r.user, AnonymousUser),
            copy=lambda r: copy.copy(r.user).get_username(),
            format=lambda r: f"{r.user!s:>9}",
            clone=lambda r: clone(r).user.get_username(),
        )
        | {
            "template": in_template("{{ request.user.username }}"),
            "processor": in_template("{{ user.username }} {{ user.is_authenticated }}"),
            "perms": in_template("{{ perms.auth.add_user }}"),
        },
        ("session",),
    ),
    "auser": Surface({"name": _auser, "known": _auser_known}, ("session",), on_loop=True),
    "session": Surface(
        nameless(
            get=lambda r: r.session.get("basket"),
            keys=lambda r: sorted(r.session.keys()),
            items=lambda r: sorted(r.session.items()),
            contains=lambda r: "basket" in r.session,
            empty=lambda r: r.session.is_empty(),
            key=lambda r: r.session.session_key is None,
            user=lambda r: r.session.get("_auth_user_id"),
            vars=lambda r: vars(r)["session"].get("basket"),
            clone=lambda r: clone(r).session.get("basket"),
            under=lambda r: sorted(r.session._session),
            accessed=lambda r: (r.session.get("basket"), r.session.accessed),
            expiry=lambda r: r.session.get_expiry_age(),
        )
        | {"template": in_template("{{ request.session.basket }}")},
        ("session",),
    ),
    "asession": Surface({"get": _aget, "keys": _akeys}, ("session",), on_loop=True),
    "session written": Surface({"set": _written}, ("session",), shared=False),
    "client": Surface(
        {
            "[]": lambda r, n: r.META[n],
            "get": lambda r, n: r.META.get(n),
            "in": lambda r, n: n in r.META,
            "template": in_template("{{ request.META.NAME }}"),
        },
        ("address",),
        names=ADDRESSES,
        shared=False,
    ),
    "accepts": Surface(
        nameless(
            accepts=lambda r: r.accepts("application/json"),
            types=lambda r: list(map(str, r.accepted_types)),
            preferred=lambda r: r.get_preferred_type(["text/html", "application/json"]),
        ),
        ("header:Accept",),
    ),
    "language": Surface(
        nameless(
            active=lambda r: translation.get_language(),
            attribute=lambda r: r.LANGUAGE_CODE,
            text=lambda r: translation.gettext("Yes"),
        )
        | {
            "template": in_template(
                "{% load i18n %}{% get_current_language as L %}{{ L }} {% translate 'Yes' %}"
            ),
            "processor": in_template("{{ LANGUAGE_CODE }}"),
            "parameter": _activated,
        },
        ("language", "header:Accept-Language", "cookie:django_language"),
        names=PARAMS,
        needs={"LOCALE": True},
    ),
    "language asked for": Surface(
        nameless(
            found=lambda r: translation.get_language_from_request(r, check_path=False),
            in_path=lambda r: translation.get_language_from_request(r, check_path=True),
        ),
        ("header:Accept-Language", "cookie:django_language"),
    ),
    "time zone": Surface(
        nameless(name=lambda r: timezone.get_current_timezone_name())
        | {"template": in_template("{% load tz %}{% get_current_timezone as Z %}{{ Z }}")},
        ("zone",),
    ),
    "token": Surface(
        nameless(get=get_token)
        | {
            "template": in_template("{% csrf_token %}"),
            "processor": in_template("{{ csrf_token }}"),
        },
        ("cookie:csrftoken",),
        own=True,
    ),
    "secret": Surface(
        nameless(
            meta=lambda r: r.META.get("CSRF_COOKIE"),
            part=lambda r: get_token(r)[32:],
        ),
        ("cookie:csrftoken",),
        shared=False,
        own=True,
    ),
    "nonce": Surface(
        nameless(
            attribute=lambda r: f'<script nonce="{r.csp_nonce}">',
            underscored=lambda r: f'<script nonce="{r._csp_nonce}">',
            asked=lambda r: bool(str(r.csp_nonce)),
        )
        | {"template": in_template('<script nonce="{{ request.csp_nonce }}">')},
        (),
        own=True,
    ),
    "hole: user": _hole("user", "session"),
    "hole: cookie": _hole("cookie", "cookie:theme"),
    "hole: header": _hole("header", "header:X-Fruit"),
    "hole: session": _hole("session", "session"),
    "hole: count": _hole("count"),
    "messages": Surface(
        nameless(all=lambda r: list(map(str, messages.get_messages(r))))
        | {"template": in_template("{% for m in messages %}{{ m }}{% endfor %}")},
        ("cookie:messages",),
    ),
    "message added": Surface({"add": _message}, (), shared=False),
    "vars": Surface(
        {
            "META": lambda r, n: vars(r)["META"].get(meta(n)),
            "META of a copy": lambda r, n: dict(vars(r))["META"].get(meta(n)),
            "clone": lambda r, n: clone(r).META.get(meta(n)),
            "clone's headers": lambda r, n: clone(r).headers.get(n),
            "__dict__": lambda r, n: r.__dict__["META"].get(meta(n)),
        },
        ("header:{}",),
        names=HEADERS,
    ),
    "written over": Surface(
        {
            "GET": after(_own_query, lambda r, n: r.GET.urlencode()),
            "GET item": after(_mutable, lambda r, n: r.GET.get("a")),
            "META": after(_own_header, lambda r, n: r.headers.get("X-Fruit")),
            "COOKIES": after(_own_cookie, lambda r, n: r.COOKIES.get("theme")),
        },
        ("query", "header:X-Fruit", "cookie:theme"),
    ),
    "host written over": Surface(
        nameless(host=_without("HTTP_X_FORWARDED_HOST")),
        ("host", "header:X-Forwarded-Host"),
        needs={"USE_X_FORWARDED_HOST": True, "KEY_HEADERS": ["X-Forwarded-Host"]},
    ),
    "scheme written over": Surface(
        nameless(scheme=_without("HTTP_X_FORWARDED_PROTO")),
        ("scheme", "header:X-Forwarded-Proto"),
        needs={
            "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
            "KEY_HEADERS": ["X-Forwarded-Proto"],
        },
    ),
    "language written over": Surface(
        nameless(language=_no_language),
        ("header:Accept-Language", "cookie:django_language"),
        {"header:Accept-Language": ("de", "en"), "cookie:django_language": (None, "de")},
        needs={"LOCALE": True, "KEY_COOKIES": ["django_language"]},
    ),
    "Vary": Surface(
        {"unseen": lambda r, n: unrecorded(r.META).get(meta(n))},
        ("header:{}",),
        names=(*HEADERS, "Cookie"),
    ),
}
