"""Whatever a page reads of a request, a visitor for whom it differs never gets the page of another.

Each case is a way to read, and something that differs between two visitors. Nothing is declared; the page shows what
it read. The first visitor comes twice, so that what may be stored is.
"""

from __future__ import annotations

import copy
import json
import pickle
from collections import ChainMap, Counter
from collections.abc import Callable
from http.cookies import SimpleCookie
from io import BytesIO
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django import forms
from django.contrib.auth import aget_user
from django.contrib.auth.middleware import get_user
from django.contrib.auth.models import User
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.http.request import HttpHeaders
from django.template import Context, Template
from django.urls import path
from django.utils.translation import get_language_from_request

from tests.lanes import ALL, MEMORY, STOCK, Lane, Visitor, showing, status, text, through

pytestmark = pytest.mark.django_db(transaction=True)
LANES = ALL
ON = (MEMORY,)
OWN = "tests.lanes_site.middleware."


def signed(name: str, value: str) -> str:
    """Sign a cookie's value as this release of Django does."""
    response = HttpResponse()
    response.set_signed_cookie(name, value)
    return response.cookies[name].value


QUERY = {"path": "/page/?a=1&b=x"}, {"path": "/page/?a=2&b=x"}
COOKIE = {"cookies": {"theme": "light"}}, {"cookies": {"theme": "dark"}}
NO_COOKIE = {}, {"cookies": {"theme": "dark"}}  # type: ignore[var-annotated]
SIGNED = {}, {"cookies": {"theme": signed("theme", "dark")}}  # type: ignore[var-annotated]
HEADER = {"headers": {"X-Fruit": "apple"}}, {"headers": {"X-Fruit": "pear"}}
NO_HEADER = {}, {"headers": {"X-Fruit": "pear"}}  # type: ignore[var-annotated]
ACCEPT = {"headers": {"Accept": "text/html"}}, {"headers": {"Accept": "application/json"}}
HTMX = {}, {"headers": {"HX-Request": "true"}}  # type: ignore[var-annotated]
HOST = {"headers": {"Host": "one.example"}}, {"headers": {"Host": "two.example"}}
LANGUAGE = {}, {"cookies": {"django_language": "de"}}  # type: ignore[var-annotated]
QUERY_NAMES = {"path": "/page/?a=1"}, {"path": "/page/?b=1"}
FORWARDED = {}, {"headers": {"X-Forwarded-Host": "evil.example"}}  # type: ignore[var-annotated]
SCHEME = {}, {"secure": True}  # type: ignore[var-annotated]


def in_thread(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def shown(request: HttpRequest) -> Any:
        found: list[Any] = []
        thread = Thread(target=lambda: found.append(read(request)))
        thread.start()
        thread.join()
        return found[0]

    return shown


def in_another_context(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Read on the thread that asgiref keeps for code that blocks, from code that does not."""

    async def shown(request: HttpRequest) -> Any:
        return await sync_to_async(read)(request)

    return async_to_sync(shown)


class Wrapper:
    """Stands for a request as the one of an API framework does."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @property
    def query_params(self) -> Any:
        return self._request.GET

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)


class Form(forms.Form):
    a = forms.CharField()


def apart(request: HttpRequest) -> HttpRequest:
    """Return the request without what Django hangs on it that can be copied in no way."""
    made = copy.copy(request)
    for name in ("user", "auser", "resolver_match", "_messages", "_stream"):
        vars(made).pop(name, None)
    return made


def pickled(request: HttpRequest) -> Any:
    return pickle.loads(pickle.dumps(apart(request)))  # noqa: S301 our own


def deeply_copied(request: HttpRequest) -> Any:
    return copy.deepcopy(apart(request))


def underneath(request: HttpRequest) -> Any:
    return next(cls for cls in type(request).__mro__ if cls in {WSGIRequest, ASGIRequest})


def made_anew(request: Any) -> Any:
    """Make a request of the environment of another."""
    if isinstance(request, WSGIRequest):
        return WSGIRequest(request.environ)
    return ASGIRequest(request.scope, BytesIO())


def in_template(source: str) -> Callable[[Any], Any]:
    return lambda request: Template(source).render(Context({"request": request}))


def with_another_encoding(request: HttpRequest) -> Any:
    request.encoding = "latin-1"
    return request.GET["a"]


def deleted(mapping: Any, name: str) -> bool:
    try:
        del mapping[name]
    except KeyError:
        return False
    return True


def without_marks(mapping: Any) -> str:
    return json.dumps({str(k): str(v) for k, v in mapping.items() if isinstance(v, str)})


READS: dict[str, tuple[Callable[[Any], Any], tuple[dict[str, Any], dict[str, Any]]]] = {
    "query item": (lambda r: r.GET["a"], QUERY),
    "query get": (lambda r: r.GET.get("a"), QUERY),
    "query getlist": (lambda r: r.GET.getlist("a"), QUERY),
    "query membership": (lambda r: "c" in r.GET, ({"path": "/page/"}, {"path": "/page/?c="})),
    "query iteration": (lambda r: list(r.GET), ({"path": "/page/"}, {"path": "/page/?c="})),
    "query items": (lambda r: list(r.GET.items()), QUERY),
    "query lists": (lambda r: list(r.GET.lists()), QUERY),
    "query dict()": (lambda r: dict(r.GET), QUERY),
    "query **": (lambda r: {**r.GET}, QUERY),
    "query | {}": (lambda r: r.GET | {}, QUERY),
    "query copy": (lambda r: r.GET.copy().get("a"), QUERY),
    "query copy.copy": (lambda r: copy.copy(r.GET).get("a"), QUERY),
    "query deepcopy": (lambda r: copy.deepcopy(r.GET).get("a"), QUERY),
    "query urlencode": (lambda r: r.GET.urlencode(), QUERY),
    "query repr": (lambda r: repr(r.GET), QUERY),
    "query json": (lambda r: json.dumps(r.GET), QUERY),
    "query json of nothing": (
        lambda r: json.dumps(r.GET),
        ({"path": "/page/"}, {"path": "/page/?c="}),
    ),
    "query format": (lambda r: "{a}".format_map(r.GET), QUERY),
    "query percent": (lambda r: "%(a)s" % r.GET, QUERY),  # noqa: UP031 a way to read
    "query length": (lambda r: len(r.GET), ({"path": "/page/"}, {"path": "/page/?c="})),
    "query truth": (lambda r: bool(r.GET), ({"path": "/page/"}, {"path": "/page/?c="})),
    "query comparison": (lambda r: r.GET == {"a": ["1"], "b": ["x"]}, QUERY),
    "query match": (lambda r: [v for k, v in r.GET.items() if k == "a"], QUERY),
    "query string": (lambda r: r.META["QUERY_STRING"], QUERY),
    "query in the full path": (lambda r: r.get_full_path(), QUERY),
    "query in the absolute address": (lambda r: r.build_absolute_uri(), QUERY),
    "query after another encoding": (with_another_encoding, QUERY),
    "query in a template": (in_template("{{ request.GET.a }}"), QUERY),
    "query in a thread": (in_thread(lambda r: r.GET["a"]), QUERY),
    "query of a copied request": (lambda r: copy.copy(r).GET["a"], QUERY),
    "query of a pickled request": (lambda r: pickled(r).GET["a"], QUERY),
    "query of a deep copy": (lambda r: deeply_copied(r).GET["a"], QUERY),
    "query of a request made anew": (lambda r: made_anew(r).GET["a"], QUERY),
    "query of a wrapper": (lambda r: Wrapper(r).query_params["a"], QUERY),
    "query in another context": (in_another_context(lambda r: r.GET["a"]), QUERY),
    "query in the printed request": (repr, QUERY),
    "query in a template tag": (in_template("{% querystring request.GET page=2 %}"), QUERY),
    "query in a form": (lambda r: Form(r.GET)["a"].value(), QUERY),
    "query in a chain": (lambda r: ChainMap({}, r.GET)["a"], QUERY),
    "query by the class underneath": (lambda r: underneath(r).GET.func(r)["a"], QUERY),
    "query in a counter": (lambda r: sorted(Counter(r.GET)), QUERY_NAMES),
    "query by urllib": (lambda r: urlencode(r.GET), QUERY),
    "parameter cloaking": (
        lambda r: r.GET.get("callback"),
        ({"path": "/page/?u=1&callback=good"}, {"path": "/page/?u=1;callback=evil"}),
    ),
    "cookie item": (lambda r: r.COOKIES["theme"], COOKIE),
    "cookie get": (lambda r: r.COOKIES.get("theme"), COOKIE),
    "cookie absent": (lambda r: r.COOKIES.get("theme"), NO_COOKIE),
    "cookie membership": (lambda r: "theme" in r.COOKIES, NO_COOKIE),
    "cookie iteration": (lambda r: sorted(r.COOKIES), NO_COOKIE),
    "cookie items": (lambda r: sorted(r.COOKIES.items()), COOKIE),
    "cookie dict()": (lambda r: dict(r.COOKIES), COOKIE),
    "cookie **": (lambda r: {**r.COOKIES}, COOKIE),
    "cookie copy": (lambda r: r.COOKIES.copy(), COOKIE),
    "cookie repr": (lambda r: str(r.COOKIES), COOKIE),
    "cookie pop": (lambda r: r.COOKIES.pop("theme"), COOKIE),
    "cookie json of nothing": (lambda r: json.dumps(r.COOKIES), NO_COOKIE),
    "cookie deletion": (lambda r: deleted(r.COOKIES, "theme"), NO_COOKIE),
    "cookie header": (lambda r: r.headers.get("Cookie"), COOKIE),
    "cookie in META": (lambda r: r.META.get("HTTP_COOKIE"), COOKIE),
    "cookie, signed": (lambda r: r.get_signed_cookie("theme", default="none"), SIGNED),
    "cookie of a pickled request": (lambda r: pickled(r).COOKIES["theme"], COOKIE),
    "cookie of a deep copy": (lambda r: deeply_copied(r).COOKIES["theme"], COOKIE),
    "cookie of a request made anew": (lambda r: made_anew(r).COOKIES["theme"], COOKIE),
    "cookie of a wrapper": (lambda r: Wrapper(r).COOKIES["theme"], COOKIE),
    "cookie in another context": (in_another_context(lambda r: r.COOKIES["theme"]), COOKIE),
    "cookie by the class underneath": (lambda r: underneath(r).COOKIES.func(r), COOKIE),
    "cookie by its own parser": (
        lambda r: SimpleCookie(r.META.get("HTTP_COOKIE"))["theme"].value,
        COOKIE,
    ),
    "cookie of another language": (get_language_from_request, LANGUAGE),
    "cookie, signed, in a wrapper": (
        lambda r: Wrapper(r).get_signed_cookie("theme", default="none"),
        SIGNED,
    ),
    "cookie in a template": (in_template("{{ request.COOKIES.theme }}"), COOKIE),
    "cookie in a thread": (in_thread(lambda r: r.COOKIES["theme"]), COOKIE),
    "header item": (lambda r: r.headers["x-fruit"], HEADER),
    "header get": (lambda r: r.headers.get("X_FRUIT"), HEADER),
    "header absent": (lambda r: r.headers.get("X-Fruit"), NO_HEADER),
    "header membership": (lambda r: "x-fruit" in r.headers, NO_HEADER),
    "header iteration": (lambda r: "X-Fruit" in list(r.headers), NO_HEADER),
    "header items": (lambda r: dict(r.headers.items()).get("X-Fruit"), HEADER),
    "header in META": (lambda r: r.META["HTTP_X_FRUIT"], HEADER),
    "header in META by setdefault": (lambda r: r.META.setdefault("HTTP_X_FRUIT", "-"), NO_HEADER),
    "header deletion": (lambda r: deleted(r.META, "HTTP_X_FRUIT"), NO_HEADER),
    "headers underneath": (lambda r: r.headers._store.get("x-fruit"), HEADER),
    "headers in all META": (lambda r: without_marks(r.META), HEADER),
    "header in a thread": (in_thread(lambda r: r.headers["X-Fruit"]), HEADER),
    "header of a pickled request": (lambda r: pickled(r).headers["X-Fruit"], HEADER),
    "header of a deep copy": (lambda r: deeply_copied(r).headers["X-Fruit"], HEADER),
    "header of a request made anew": (lambda r: made_anew(r).headers["X-Fruit"], HEADER),
    "header of a wrapper": (lambda r: Wrapper(r).headers["X-Fruit"], HEADER),
    "header in another context": (in_another_context(lambda r: r.headers["X-Fruit"]), HEADER),
    "header in a mapping of its own": (lambda r: HttpHeaders(r.META)["X-Fruit"], HEADER),
    "preferred type": (
        lambda r: r.get_preferred_type(["text/html", "application/json"]),
        ACCEPT,
    ),
    "list of accepted types": (lambda r: list(map(str, r.accepted_types)), ACCEPT),
    "accepted types in a wrapper": (lambda r: Wrapper(r).accepts("application/json"), ACCEPT),
    "accepted types": (lambda r: r.accepts("application/json"), ACCEPT),
    "fragment for a script": (lambda r: r.headers.get("HX-Request", "page"), HTMX),
    "host": (lambda r: r.get_host(), HOST),
    "host in META": (lambda r: r.META["HTTP_HOST"], HOST),
    "host in an absolute address": (lambda r: r.build_absolute_uri("/x/"), HOST),
    "forwarded host": (lambda r: r.META.get("HTTP_X_FORWARDED_HOST"), FORWARDED),
    "scheme": (lambda r: r.scheme, SCHEME),
    "port": (lambda r: r.get_port(), SCHEME),
    "secure": (lambda r: r.is_secure(), SCHEME),
    "scheme in an absolute address": (lambda r: r.build_absolute_uri("/x/"), SCHEME),
}


def ask(visitor: Visitor, asked: dict[str, Any]) -> HttpResponse:
    return visitor.get(**{"path": "/page/", **asked})


@pytest.fixture(autouse=True)
def _hosts(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]


@pytest.mark.parametrize("name", READS)
def test_a_visitor_for_whom_it_differs_gets_a_page_of_its_own(lane: Lane, name: str) -> None:
    read, (mine, other) = READS[name]
    lane.show(showing(read))

    own = [text(ask(lane.visitor(), mine)) for _ in range(2)]
    others = [text(ask(lane.visitor(), other)) for _ in range(2)]

    assert own[0] == own[1]
    assert others[0] == others[1]
    assert own[0] != others[0]
    assert text(ask(lane.visitor(), mine)) == own[0]


def test_positive_control_what_nobody_reads_is_shared(lane: Lane) -> None:
    lane.show(showing(lambda request: "the same"))
    ask(lane.visitor(), {})

    for _, other in (QUERY, COOKIE, HEADER, ACCEPT, HTMX, FORWARDED):
        assert status(ask(lane.visitor(), other)).hit or "path" in other


def test_accepted_types_found_out_outside_are_read_by_the_view(lane: Lane) -> None:
    types = OWN + "looks_at_types"
    lane.configure(OUTSIDE=[types])
    lane.middleware(*STOCK, types)
    lane.show(showing(lambda request: request.get_preferred_type(["text/html", "text/plain"])))
    for _ in range(2):
        for accepted in ("text/html", "text/plain"):
            assert lane.read(headers={"Accept": accepted}) == accepted


ADDRESSES: dict[str, Callable[[Any], Any]] = {
    "address": lambda r: r.META["REMOTE_ADDR"],
    "address, get": lambda r: r.META.get("REMOTE_ADDR"),
    "address in environ": lambda r: getattr(r, "environ", r.META)["REMOTE_ADDR"],
    "address of a wrapper": lambda r: Wrapper(r).META["REMOTE_ADDR"],
    "host of the client": lambda r: r.META.get("REMOTE_HOST") or r.META["REMOTE_ADDR"],
    "address in a template": in_template("{{ request.META.REMOTE_ADDR }}"),
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_a29_who_the_client_is_refuses_the_page(lane: Lane, name: str) -> None:
    lane.show(showing(ADDRESSES[name]))

    first = [lane.visitor().come_from("192.0.2.1").get() for _ in range(2)]
    assert [text(answer) for answer in first] == ["192.0.2.1"] * 2
    assert text(lane.visitor().come_from("192.0.2.2").get()) == "192.0.2.2"
    assert status(first[1]).reason == "client-address"


@pytest.mark.parametrize("name", ["SSL_CLIENT_S_DN", "SSL_CLIENT_CERT", "REMOTE_USER", "AUTH_TYPE"])
@through(*(kind for kind in ALL if not kind.on_loop))
def test_a25_a29_what_the_server_knows_of_the_client_refuses_the_page(
    lane: Lane, name: str
) -> None:
    lane.show(showing(lambda request: request.META.get(name)))
    for value in ("alice", "bob") * 2:
        answer = lane.get(**{name: value})
        assert (text(answer), status(answer).reason) == (value, "client-address")
    assert [lane.read(), lane.see().reason] == ["None", "client-address"]


SCOPES: dict[str, Callable[[Any], Any]] = {
    "attribute": lambda r: getattr(r, "scope", {}),
    "vars": lambda r: vars(r).get("scope", {}),
}


@pytest.mark.parametrize("name", SCOPES)
def test_the_scope_of_asgi_refuses_the_page(lane: Lane, name: str) -> None:
    lane.show(showing(lambda r: dict(SCOPES[name](r).get("headers", ())).get(b"x-fruit")))
    answers = [lane.visitor().get(headers={"X-Fruit": fruit}) for fruit in ("apple", "pear")]

    if lane.kind.on_loop:
        assert [text(answer) for answer in answers] == ["b'apple'", "b'pear'"]
        assert status(answers[0]).reason == "all-headers"
    else:
        assert status(answers[1]).hit


def cloned(request: HttpRequest) -> Any:
    made = HttpRequest()
    vars(made).update(vars(request))
    return made


PEOPLE: dict[str, Callable[[Any], Any]] = {
    "user": lambda r: r.user.get_username(),
    "user's truth": lambda r: (r.user.is_authenticated, r.user.pk),
    "user in a template": in_template("{{ request.user.username }}"),
    "user in vars": lambda r: vars(r)["user"].pk,
    "user of a clone": lambda r: (cloned(r).user.is_authenticated, cloned(r).user.pk),
    "user by Django's own way": lambda r: get_user(r).pk,
    "session in vars": lambda r: vars(r)["session"].get("_auth_user_id"),
    "session of a clone": lambda r: cloned(r).session.get("_auth_user_id"),
    "session of a copy": lambda r: copy.copy(r).session.get("_auth_user_id"),
    "session item": lambda r: r.session.get("_auth_user_id"),
    "session key": lambda r: r.session.session_key,
    "session in use": lambda r: (r.session.accessed, r.session.is_empty(), r.session.session_key),
    "session of a wrapper": lambda r: Wrapper(r).session.session_key,
    "user of a wrapper": lambda r: Wrapper(r).user.get_username(),
    "user on the event loop": lambda r: async_to_sync(r.auser)().get_username(),
    "user by Django's later way": lambda r: async_to_sync(aget_user)(r).get_username(),
    "session keys": lambda r: sorted(r.session.items()),
    "session membership": lambda r: ("_auth_user_id" in r.session, r.session.session_key),
}


@pytest.mark.parametrize("mode", ["bypass", "unread"])
@pytest.mark.parametrize("name", PEOPLE)
def test_a01_a03_a_page_about_somebody_is_for_nobody_else(lane: Lane, name: str, mode: str) -> None:
    lane.configure(AUTHENTICATED=mode)
    lane.show(showing(PEOPLE[name]))
    alice, bob = (
        lane.visitor().log_in(User.objects.create_user(person)) for person in ("alice", "bob")
    )

    nobody = text(lane.get())
    of_alice = [text(alice.get()) for _ in range(2)]
    of_bob = [text(bob.get()) for _ in range(2)]

    assert of_alice[0] == of_alice[1] != nobody
    assert of_bob[0] == of_bob[1] not in {nobody, of_alice[0]}
    assert text(lane.get()) == nobody
    assert lane.see().hit or "session" not in name


def test_a_user_found_outside_is_read_wherever_django_keeps_it(lane: Lane) -> None:
    names = OWN + "names_user"
    lane.configure(AUTHENTICATED="unread", OUTSIDE=[names])
    lane.middleware(*STOCK, names)
    lane.show(showing(lambda request: get_user(request).get_username()))
    alice, bob = (lane.visitor().log_in(User.objects.create_user(name)) for name in ("a", "b"))

    seen = [text(who.get()) for who in (alice, bob, lane.visitor()) for _ in range(2)]

    assert seen == ["a", "a", "b", "b", "", ""]


@pytest.mark.parametrize("mode", ["segment", "unread"])
def test_a15_a_page_made_while_somebody_logs_out_is_not_kept(lane: Lane, mode: str) -> None:
    from django.contrib.auth import logout  # noqa: PLC0415 needs the apps

    def view(request: HttpRequest) -> HttpResponse:
        name = request.user.get_username()
        if "out" in request.GET:
            logout(request)
        return HttpResponse(f"{name or 'nobody'} {request.user.get_username() or 'nobody'}")

    lane.configure(AUTHENTICATED=mode, SEGMENT="pagecache.segments.by_user")
    lane.show(view)
    alice = lane.visitor().log_in(User.objects.create_user("alice"))
    assert text(lane.get("/page/?out=")) == "nobody nobody"
    left = alice.get("/page/?out=")
    assert (text(left), status(left).stored) == ("alice nobody", False)
    assert [text(alice.get("/page/?out=")), lane.read("/page/?out=")] == ["nobody nobody"] * 2


def test_a15_a_page_made_while_somebody_logs_in_is_not_kept(lane: Lane) -> None:
    from django.contrib.auth import login  # noqa: PLC0415 needs the apps

    user = User.objects.create_user("alice")

    def view(request: HttpRequest) -> HttpResponse:
        if "in" in request.GET:
            login(request, user, "django.contrib.auth.backends.ModelBackend")
        return HttpResponse(request.user.get_username() or "nobody")

    lane.configure(AUTHENTICATED="segment", SEGMENT="pagecache.segments.by_user")
    lane.mount(path("page/", lane.page(view)))

    answer = lane.get("/page/?in=")
    assert (text(answer), status(answer).stored) == ("alice", False)
    assert text(lane.get("/page/?in=")) == "alice"
    assert [lane.read(), lane.read()] == ["nobody", "nobody"]
