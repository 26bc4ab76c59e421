"""Two requests that differ in what the page looked at never meet in one entry: numbered cases of keys and poisoning."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, re_path, reverse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.views.decorators.vary import vary_on_headers

from pagecache import depends_on, invalidate
from pagecache.engine import looking, storing
from tests.lanes import (
    ALL,
    DECORATOR_ASYNC,
    DECORATOR_SYNC,
    FAST,
    LAST_ASYNC,
    LAST_SYNC,
    MIDDLEWARE,
    MIDDLEWARE_ASYNC,
    MIDDLEWARE_SYNC,
    STOCK,
    Lane,
    showing,
    status,
    text,
    through,
    unrecorded,
)
from tests.lanes_site.middleware import choosing

LANES = ALL
OWN = "tests.lanes_site.middleware."

hello = showing(lambda request: "hello")


def varying(*names: str) -> Any:
    """Return a view that reads headers behind everybody's back, and says so in `Vary` only."""

    def view(request: HttpRequest) -> HttpResponse:
        meta = unrecorded(request.META)
        keys = ["HTTP_" + name.strip().upper().replace("-", "_") for name in names]
        response = HttpResponse(str([meta.get(key) for key in keys]))
        response["Vary"] = ", ".join(names)
        return response

    return view


SPELLINGS = [
    " Cookie",
    "Cookie ",
    "COOKIE",
    "Accept-Encoding ,Cookie",
    "\tcookie",
    "Cookie, cookie,, COOKIE",
    ", ".join(["X-Other"] * 5000) + ",\tCookie",
]


@pytest.mark.parametrize("vary", SPELLINGS, ids=range(len(SPELLINGS)))
def test_b37_cookie_is_seen_in_vary_however_it_is_spelled(lane: Lane, vary: str) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        response = HttpResponse(unrecorded(request.META).get("HTTP_COOKIE", ""))
        response["Vary"] = vary
        return response

    lane.show(view)
    for theme in ("light", "dark", "light", "dark"):
        assert lane.read(cookies={"theme": theme}) == f"theme={theme}"


@pytest.mark.parametrize(
    "vary",
    ["Cookie Accept", '"Cookie"', "Cookie;q=1", "Vary: Cookie", "Cookie, (any)", "Cookie\xa0X"],
)
def test_b37_a_vary_that_names_no_header_refuses_the_page(lane: Lane, vary: str) -> None:
    lane.show(lambda request: HttpResponse("hello", headers={"Vary": vary}))
    assert [lane.see().reason, lane.see().reason] == ["vary-star"] * 2


def test_b37_a_vary_that_names_more_than_a_recipe_holds_refuses_the_page(lane: Lane) -> None:
    many = ", ".join(f"X-{number}" for number in range(1000))
    lane.show(lambda request: HttpResponse("hello", headers={"Vary": many}))
    assert [lane.see().reason, lane.see().reason] == ["too-many-inputs"] * 2


def test_b39_values_of_two_headers_do_not_run_together(lane: Lane) -> None:
    lane.show(varying("X-A", "X-B"))
    for _ in range(2):
        assert lane.read(headers={"X-A": "x", "X-B": "yz"}) == "['x', 'yz']"
        assert lane.read(headers={"X-A": "xy", "X-B": "z"}) == "['xy', 'z']"


@pytest.mark.parametrize("value", ["-", "-,", "None", "", "0:", "[0:"])
def test_b41_an_absent_header_is_no_value(lane: Lane, value: str) -> None:
    lane.show(varying("X-T"))
    for _ in range(2):
        assert lane.read() == "[None]"
        assert lane.read(headers={"X-T": value}) == f"[{value!r}]"


def test_b43_a_vary_that_comes_later_ends_the_narrower_pages(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        if request.GET["a"] == "1" and lane.renders == 1:
            return HttpResponse("bare")
        response = HttpResponse(unrecorded(request.META).get("HTTP_COOKIE", "none"))
        patch_vary_headers(response, ["Cookie"])
        return response

    lane.show(view)
    assert [lane.read("/page/?a=1"), lane.read("/page/?a=1")] == ["bare", "bare"]
    assert lane.read("/page/?a=2", cookies={"theme": "red"}) == "theme=red"

    for theme in ("light", "dark") * 2:
        assert lane.read("/page/?a=1", cookies={"theme": theme}) == f"theme={theme}"


def flood(lane: Lane, asked: Iterable[dict[str, Any]]) -> list[str | None]:
    """Send requests by new visitors; gives the reasons."""
    return [lane.see(**one).reason for one in asked]


FLOODS: dict[str, Callable[[int], dict[str, Any]]] = {
    "query": lambda number: {"path": f"/page/?x={number}"},
    "cookie": lambda number: {"cookies": {"theme": str(number)}},
    "header": lambda number: {"headers": {"User-Agent": f"agent {number}"}},
    "vary": lambda number: {"headers": {"X-Own": str(number)}},
    "host": lambda number: {"headers": {"Host": f"host{number}.example"}},
}


@pytest.mark.parametrize("name", FLOODS)
def test_b45_b47_a_flood_of_values_stores_so_many_pages(lane: Lane, name: str) -> None:
    def read(request: HttpRequest) -> HttpResponse:
        seen = request.GET.get("x"), request.COOKIES.get("theme"), request.headers.get("User-Agent")
        return HttpResponse(str(seen), headers={"Vary": "X-Own"})

    lane.configure(MAX_VARIANTS=3, KEY_COOKIES=["theme"], KEY_HEADERS=["User-Agent"])
    lane.show(read)
    asked = [FLOODS[name](number) for number in range(30)]

    assert flood(lane, asked) == [None] * 3 + ["too-many-variants"] * 27
    assert [lane.see(**one).hit for one in asked[:5]] == [True, True, True, False, False]


def test_b45_what_is_stored_for_a_full_path_is_stored_again(lane: Lane) -> None:
    lane.configure(MAX_VARIANTS=2)
    lane.show(showing(lambda request: request.GET.get("x")), tags=("front",))
    flood(lane, [{"path": f"/page/?x={number}"} for number in range(5)])
    invalidate("front")
    assert [lane.see(f"/page/?x={number}").stored for number in range(3)] == [True, True, False]
    assert [lane.see(f"/page/?x={number}").hit for number in range(3)] == [True, True, False]


def test_b47_what_nobody_reads_floods_nothing(lane: Lane) -> None:
    lane.configure(MAX_VARIANTS=1)
    lane.show(hello)
    lane.get()
    for number in range(30):
        value = str(number)
        unread: dict[str, Any] = {"cookies": {"y": value}, "headers": {"User-Agent": value}}
        assert lane.see(f"/page/?x={value}", **unread).hit


def test_b49_two_keys_with_one_digest_do_not_meet(lane: Lane, monkeypatch: Any) -> None:
    for module in (looking, storing):
        monkeypatch.setattr(module, "digest", lambda _data: "0" * 32)
    lane.show(showing(lambda request: request.GET.get("a")))

    for value in "1212":
        assert lane.read(f"/page/?a={value}") == value


def test_b51_schemes_have_pages_of_their_own(lane: Lane) -> None:
    lane.show(showing(lambda request: request.build_absolute_uri("/")))
    for _ in range(2):
        assert lane.read().startswith("http://")
        assert lane.read(secure=True).startswith("https://")


def test_b53_a_site_below_a_prefix_has_pages_of_its_own(lane: Lane) -> None:
    lane.mount(re_path(r"^.*$", lane.page(showing(lambda request: request.path_info))))
    for _ in range(2):
        assert lane.read("/app/x/") == "/app/x/"
        assert _below(lane, "/app", "/x/") == "/x/"
        assert lane.read("/x/") == "/x/"


def _below(lane: Lane, prefix: str, rest: str) -> str:
    visitor = lane.visitor()
    if not lane.kind.on_loop:
        return text(visitor.get(rest, SCRIPT_NAME=prefix))
    visitor.client.scope = {"root_path": prefix, "path": prefix + rest}
    return text(visitor.get(prefix + rest))


@through(MIDDLEWARE_ASYNC, LAST_ASYNC)
def test_b53_a_path_that_a_server_gives_with_its_prefix_or_without(lane: Lane) -> None:
    lane.settings.FORCE_SCRIPT_NAME = "/app"
    lane.show(showing(lambda request: (request.path, request.path_info)))
    for _ in range(3):
        for asked in ("/page/", "/app/page/"):
            assert lane.read(asked) == f"('{asked}', '/page/')"


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_b55_what_the_view_activates_is_the_pages_own(lane: Lane, zone: str) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        wanted = request.GET.get("zone", "UTC")
        with timezone.override(wanted), translation.override(request.GET.get("lang", "en")):
            name = timezone.get_current_timezone_name()
            return HttpResponse(f"{name} {translation.gettext('Yes')}")

    lane.show(view)
    for _ in range(2):
        assert lane.read(f"/page/?zone={zone}&lang=de") == f"{zone} Ja"
        assert lane.read(f"/page/?zone={zone}") == f"{zone} Yes"


@pytest.fixture
def _ambient() -> Iterator[None]:
    yield
    timezone.deactivate()
    translation.activate("en")


@pytest.mark.usefixtures("_ambient")
def test_b55_what_a_view_leaves_active_is_in_the_key_of_the_next_page(lane: Lane) -> None:
    def leave(request: HttpRequest) -> HttpResponse:
        timezone.activate(request.GET["zone"])
        translation.activate(request.GET["lang"])
        return HttpResponse("left")

    def ambient(_request: HttpRequest | None = None) -> str:
        return f"{timezone.get_current_timezone_name()} {translation.gettext('Yes')}"

    lane.mount(
        path("leave/", lane.page(leave)),
        path("page/", lane.page(showing(ambient))),
    )
    for zone, language in (("Asia/Tokyo", "de"), ("UTC", "en"), ("Asia/Tokyo", "en")) * 2:
        lane.get(f"/leave/?zone={zone}&lang={language}")
        assert lane.read() == ambient()
    timezone.activate("Europe/Paris")
    assert [lane.read(), lane.read()] == [ambient()] * 2


@pytest.mark.parametrize("declared", [True, False])
def test_b55_a_zone_that_middleware_activates_is_the_pages_own(lane: Lane, declared: bool) -> None:
    zones = OWN + "activates_zone"
    lane.configure(OUTSIDE=[zones] if declared else [])
    lane.middleware(*STOCK, zones)
    lane.show(showing(lambda request: timezone.get_current_timezone_name()))
    for zone in ("Asia/Tokyo", "America/New_York") * 2:
        assert lane.read(cookies={"zone": zone}) == zone
    assert lane.read() == "UTC"


CHOICES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "cookie": ({"cookies": {"site": "a"}}, {"cookies": {"site": "b"}}),
    "host": ({"headers": {"Host": "a.example"}}, {"headers": {"Host": "b.example"}}),
}


@pytest.mark.parametrize("name", CHOICES)
def test_b53_what_chooses_the_urlconf_is_in_the_key(lane: Lane, name: str) -> None:
    """In the page stand a link of its URLconf and how its view was found."""

    def shown(request: HttpRequest) -> str:
        return f"{reverse('other')} {request.resolver_match.route}"  # type: ignore[union-attr]

    page = lane.page(showing(shown))
    for site in ("b", "a"):
        lane.mount(path("page/", page), path(f"{site}/", page, name="other"))
        sys.modules[f"tests.lanes_site.urls_{site}"] = sys.modules[lane.settings.ROOT_URLCONF]
    lane.middleware(*STOCK, OWN + "chooses_site")
    first, second = CHOICES[name]
    for _ in range(2):
        assert lane.read(**first) == "/a/ page/"
        assert lane.read(**second) == "/b/ page/"


def test_b55_the_language_is_in_the_key_wherever_locale_middleware_stands(lane: Lane) -> None:
    locale = "django.middleware.locale.LocaleMiddleware"
    for order in ((*STOCK, locale), (locale, *STOCK), (*STOCK[:2], locale, *STOCK[2:])):
        lane.middleware(*order)
        lane.show(showing(lambda request: translation.gettext("Yes")))
        for _ in range(2):
            assert lane.read(headers={"Accept-Language": "de"}) == "Ja"
            assert lane.read(headers={"Accept-Language": "en"}) == "Yes"
            assert lane.read(cookies={"django_language": "de"}) == "Ja"
            assert lane.read() == "Yes"


LOCALE = "django.middleware.locale.LocaleMiddleware"
language = showing(lambda request: translation.get_language())


@through(*MIDDLEWARE)
def test_b55_the_language_of_another_urlconf_is_read_of_the_request(lane: Lane) -> None:
    lane.middleware(OWN + "chooses_urlconf", LOCALE)
    prefixed = i18n_patterns(path("page/", lane.page(language)), prefix_default_language=False)
    lane.mount(*prefixed)
    with choosing((path("page/", lane.page(language)),)):
        for asked in ("de", "en") * 2:
            assert lane.read(headers={"Accept-Language": asked}) == asked


@through(*MIDDLEWARE)
def test_b55_the_language_of_another_path_is_read_of_the_request(lane: Lane) -> None:
    lane.middleware(OWN + "strips_language", LOCALE)
    lane.mount(
        *i18n_patterns(path("other/", lane.page(language))),
        *(path(where, lane.page(language)) for where in ("page/", "de/page/")),
    )
    for asked in ("de", "en") * 2:
        assert lane.read("/de/page/", headers={"Accept-Language": asked}) == asked


@through(*MIDDLEWARE, *FAST)
def test_c73_a_redirect_to_a_language_keeps_the_query_of_who_asked(lane: Lane) -> None:
    lane.middleware(OWN + "keeps_fresh", *STOCK, LOCALE)
    lane.configure(TIMEOUT=0)  # then a redirect that says how long it holds is kept
    lane.mount(
        path("<slug:name>/", lane.page(_is_missing)),
        *i18n_patterns(path("page/", lane.page(hello))),
    )
    for _ in range(2):
        for query in ("a=1", "a=2"):
            assert lane.get(f"/page/?{query}")["Location"] == f"/en/page/?{query}"


def _is_missing(request: HttpRequest, name: str) -> HttpResponse:
    raise Http404


FRAGMENTS = (
    "HX-Request",
    "HX-Target",
    "HX-Boosted",
    "Turbo-Frame",
    "X-Requested-With",
    "X-PJAX",
    "RSC",
)


@pytest.mark.parametrize("name", FRAGMENTS)
def test_b57_a_fragment_is_never_the_whole_page(lane: Lane, name: str) -> None:
    lane.show(showing(lambda request: "part" if request.headers.get(name) else "whole"))
    for _ in range(2):
        assert lane.read() == "whole"
        assert lane.read(headers={name: "true"}) == "part"


@pytest.mark.parametrize("name", FRAGMENTS)
def test_b57_fragments_are_kept_beside_the_whole_page_where_declared(lane: Lane, name: str) -> None:
    lane.configure(KEY_HEADERS=[name])
    lane.show(showing(lambda request: "part" if request.headers.get(name) else "whole"))
    for hit in (False, True):
        assert lane.see().hit is hit
        assert lane.see(headers={name: "true"}).hit is hit
        assert (lane.read(), lane.read(headers={name: "true"})) == ("whole", "part")
    assert name.title() in lane.get()["Vary"]


PARTS: dict[str, Callable[[Any], Any]] = {
    "accepts": lambda r: "json" if r.accepts("application/json") else "page",
    "preferred": lambda r: r.get_preferred_type(["text/html", "application/json"]),
    "header": lambda r: r.headers.get("Accept"),
}


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("name", PARTS)
def test_b57_what_is_accepted_is_never_given_to_others(
    lane: Lane, name: str, declared: bool
) -> None:
    lane.configure(KEY_HEADERS=["Accept"] if declared else [])
    lane.show(showing(PARTS[name]))
    types = ("text/html", "application/json")
    first = [lane.read(headers={"Accept": accepted}) for accepted in types]
    assert first[0] != first[1]
    for accepted, seen in zip(types, first, strict=True):
        assert lane.read(headers={"Accept": accepted}) == seen
        assert lane.see(headers={"Accept": accepted}).hit is declared


def test_b59_a_header_that_came_twice_keys_as_the_view_sees_it(lane: Lane) -> None:
    lane.configure(KEY_HEADERS=["X-Many"])
    lane.show(showing(lambda request: request.headers.get("X-Many")))
    for value in ("a", "a,b", "a, b", "b,a"):
        assert lane.read(headers={"X-Many": value}) == value
        assert lane.read(headers={"X-Many": value}) == value


REFLECTED = {
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Scheme": "nothttps",
    "X-Forwarded-Proto": "nothttps",
    "X-Forwarded-SSL": "off",
    "X-Forwarded-Prefix": "/evil",
    "X-Original-URL": "/evil/",
    "X-Rewrite-URL": "/evil/",
    "Forwarded": "host=evil.example",
    "Origin": "https://evil.example",
    "Referer": "https://evil.example",
    "User-Agent": "evil",
}


@pytest.mark.parametrize("name", REFLECTED)
def test_c61_c65_what_is_reflected_stays_with_who_sent_it(lane: Lane, name: str) -> None:
    lane.show(showing(lambda request: request.headers.get(name, "clean")))
    for _ in range(2):
        assert lane.read(headers={name: REFLECTED[name]}) == REFLECTED[name]
        assert lane.read() == "clean"


def test_c61_a_forwarded_host_that_django_accepts_is_in_the_key(lane: Lane) -> None:
    lane.settings.USE_X_FORWARDED_HOST = True
    lane.show(showing(lambda request: request.build_absolute_uri("/")))
    for _ in range(2):
        assert "evil" in lane.read(headers={"X-Forwarded-Host": "evil.example"})
        assert "evil" not in lane.read()


def test_c63_a_redirect_to_https_is_not_kept_for_https(lane: Lane) -> None:
    lane.settings.SECURE_SSL_REDIRECT = True
    lane.settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    lane.configure(STATUSES=[200, 301])
    lane.show(hello)
    for _ in range(2):
        assert lane.get(headers={"X-Forwarded-Proto": "nothttps"}).status_code == 301
        assert lane.read(headers={"X-Forwarded-Proto": "https"}) == "hello"


def test_c63_the_scheme_of_the_server_is_not_that_of_the_proxy(lane: Lane) -> None:
    lane.settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    lane.show(showing(lambda request: request.META.get("wsgi.url_scheme")))
    https = {"X-Forwarded-Proto": "https", "Host": "testserver"}
    first = [lane.read(headers=https, secure=secure) for secure in (False, True)]
    assert [lane.read(headers=https, secure=secure) for secure in (False, True)] == first
    assert first == (["None"] * 2 if lane.kind.on_loop else ["http", "https"])


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
@pytest.mark.parametrize("method", ["POST", "DELETE", "NONSENSE"])
def test_c67_a_method_override_bypasses(lane: Lane, name: str, method: str) -> None:
    lane.show(hello)
    lane.get()
    assert lane.see(headers={name: method}).reason == "method-override"


FAT: dict[str, dict[str, Any]] = {
    "json": {"data": b"{}", "content_type": "application/json"},
    "form": {"data": b"a=1", "content_type": "application/x-www-form-urlencoded"},
    "charset": {"data": b"", "headers": {"Content-Type": "text/plain; charset=utf-7"}},
}


@pytest.mark.parametrize("name", FAT)
def test_c69_a_get_with_a_body_bypasses(lane: Lane, name: str) -> None:
    lane.show(hello)
    lane.get()
    assert status(lane.visitor().ask("GET", **FAT[name])).reason == "body"


@pytest.mark.parametrize("name", ["HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"])
@through(MIDDLEWARE_SYNC, DECORATOR_SYNC, LAST_SYNC)
def test_c69_what_a_lax_server_lets_look_like_a_body_bypasses(lane: Lane, name: str) -> None:
    """Sent as `Content_Type`, which Django takes for `Content-Type`."""
    lane.show(showing(lambda request: request.headers.get(name[5:].replace("_", "-"))))
    lane.read()
    for value in ("evil", "wicked"):
        assert lane.read(**{name: value}) == value
    assert lane.read() in {"None", ""}


def test_c69_a_chunked_get_bypasses(lane: Lane) -> None:
    lane.show(hello)
    lane.get()
    assert lane.see(headers={"Transfer-Encoding": "chunked"}).reason == "body"


BODIES: dict[str, Any] = {
    "body": lambda r: r.body,
    "body in chunks": lambda r: r.read(),
    "body by line": lambda r: r.readline(),
    "body by lines": b"".join,
    "stream": lambda r: r._stream.read(),
    "stream in vars": lambda r: vars(r)["_stream"].read(),
}


@pytest.mark.parametrize("name", BODIES)
@through(MIDDLEWARE_ASYNC, DECORATOR_ASYNC, LAST_ASYNC)
def test_c69_a_body_that_no_header_announces_is_seen_by_its_sender_only(
    lane: Lane, name: str
) -> None:
    lane.show(showing(BODIES[name]))
    visitor = lane.visitor()
    visitor.client.scope = {"headers": [(b"host", b"testserver")]}
    for _ in range(2):
        assert text(visitor.ask("GET", data=b"evil")) == "b'evil'"
        assert lane.read() == "b''"
    assert lane.see().reason == "body"


def test_c69_a_form_that_is_not_there_costs_nothing(lane: Lane) -> None:
    lane.show(showing(lambda request: (dict(request.POST), dict(request.FILES))))
    assert [lane.read(), lane.read()] == ["({}, {})"] * 2
    assert lane.see().hit


@through(MIDDLEWARE_SYNC, DECORATOR_SYNC, LAST_SYNC)
def test_c69_the_stream_of_the_server_refuses_the_page(lane: Lane) -> None:
    lane.show(showing(lambda request: request.environ["wsgi.input"].read()))
    assert [lane.see().reason, lane.see().reason] == ["body"] * 2


def test_c71_a_semicolon_separates_nothing(lane: Lane) -> None:
    lane.show(showing(lambda request: request.GET.get("callback", "good")))
    for _ in range(2):
        assert lane.read("/page/?utm_content=x;callback=evil") == "good"
        assert lane.read("/page/?utm_content=x&callback=evil") == "evil"
        assert lane.read("/page/?utm_content=x") == "good"


def test_c71_what_differs_under_another_encoding_only_is_kept_apart(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        request.encoding = "latin-1"
        return HttpResponse(request.GET["q"])

    lane.show(view)
    first = [lane.read(f"/page/?q={quoted}") for quoted in ("%E4", "%F6")]
    assert [lane.read(f"/page/?q={quoted}") for quoted in ("%E4", "%F6")] == first
    assert first == ["\N{REPLACEMENT CHARACTER}"] * 2 if lane.kind.on_loop else ["ä", "ö"]


ORDERED = {
    "query string": lambda r: r.META["QUERY_STRING"],
    "full path": lambda r: r.get_full_path(),
    "absolute": lambda r: r.build_absolute_uri(),
}


@pytest.mark.parametrize("name", ORDERED)
def test_c73_the_order_of_parameters_is_kept_where_it_is_seen(lane: Lane, name: str) -> None:
    lane.show(showing(ORDERED[name]))
    for query in ("a=1&b=2", "b=2&a=1") * 2:
        assert lane.read(f"/page/?{query}").endswith(query)


def test_c75_paths_that_look_alike_have_pages_of_their_own(lane: Lane) -> None:
    shown = showing(lambda request: (request.path, request.GET.get("b")))
    lane.settings.APPEND_SLASH = False
    lane.mount(re_path(r"(?s)^.*$", lane.page(shown)))
    paths = ("/a%3fb=1", "/a?b=1", "//a", "/a", "/a/", "/A", "/a%2fb", "/a%00", "/a%0A", "/a;b=1")
    first = [lane.read(asked) for asked in paths]
    assert [lane.read(asked) for asked in paths] == first
    assert len(set(first)) == len(paths), first


GADGETS: dict[str, Callable[[Any], Any]] = {
    "cookie": lambda r: r.COOKIES.get("lang", "en"),
    "header": lambda r: r.headers.get("Cookie") or "en",
    "environment": lambda r: r.META.get("HTTP_COOKIE") or "en",
    "all cookies": lambda r: dict(r.COOKIES).get("lang", "en"),
}


@pytest.mark.parametrize("declared", [(), ("lang",), {"lang": ["en", "de"]}], ids=str)
@pytest.mark.parametrize("name", GADGETS)
def test_c77_a_reflected_cookie_stays_with_who_sent_it(
    lane: Lane, name: str, declared: Any
) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        said = f"lang = '{GADGETS[name](request)}'"
        return HttpResponse(said, headers={"X-Said": said})

    lane.configure(KEY_COOKIES=declared)
    lane.show(view)
    for _ in range(2):
        for cookies, said in (({"lang": "x-alert(1)-x"}, "x-alert(1)-x"), ({}, "'en'")):
            answer = lane.get(cookies=cookies)
            assert said in answer["X-Said"]
            assert said in text(answer)
    assert lane.see().hit is (name == "cookie")


def test_c79_an_echoed_origin_stays_with_who_sent_it(lane: Lane) -> None:
    lane.middleware_inside(OWN + "echoes_origin")
    lane.show(hello)
    for _ in range(2):
        evil = lane.get(headers={"Origin": "https://evil.example"})
        assert evil["Access-Control-Allow-Origin"] == "https://evil.example"
        assert lane.get()["Access-Control-Allow-Origin"] == "none"


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\r\nX-Evil: 1"])
def test_c81_a_header_that_cannot_be_sent_stores_nothing(lane: Lane, value: str) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        response = HttpResponse("hello")
        response["X-Echo"] = request.GET.get("echo", "none")
        return response

    lane.show(view)
    visitor = lane.visitor()
    visitor.client.raise_request_exception = False
    asked = "/page/?" + urlencode({"echo": value})
    assert [visitor.get(asked).status_code for _ in range(2)] == [500, 500]
    visitor.client.raise_request_exception = True
    assert lane.get()["X-Echo"] == "none"


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept-Encoding": "zgzip, ;q=x"},
        {"TE": "trailers, deflate;q=0.5"},
        {"zTRANSFER-ENCODING": "chunked"},
        {"Max-Forwards": "0"},
        {"Expect": "100-continue"},
    ],
)
def test_c83_garbage_splits_and_spoils_nothing(lane: Lane, headers: dict[str, str]) -> None:
    lane.show(hello)
    for _ in range(2):
        assert lane.read(headers=headers) == "hello"
    assert lane.see().hit


def test_c83_an_encoding_of_one_client_is_not_given_to_another(lane: Lane) -> None:
    lane.middleware("django.middleware.gzip.GZipMiddleware", *STOCK)
    lane.show(showing(lambda request: "hello" * 100))
    for _ in range(2):
        assert lane.get(headers={"Accept-Encoding": "gzip"}).get("Content-Encoding") == "gzip"
        assert lane.get().get("Content-Encoding") is None
        assert lane.read() == "hello" * 100


@pytest.mark.parametrize("tag", ["a b", "a,b", "a\nb", "a\r\nX-Evil: 1", "é" * 10_000])
def test_c87_a_tag_may_be_any_text(lane: Lane, tag: str) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        depends_on(tag)
        return HttpResponse("hello")

    lane.show(view)
    lane.get()
    answer = lane.get()
    assert status(answer).hit
    assert not any(tag in value for _, value in answer.items())
    invalidate(tag)
    assert not lane.see().hit


def test_vary_of_a_decorator_keys_by_the_whole_header(lane: Lane) -> None:
    lane.show(varying("X-Own"), vary_on_headers("X-Own"))
    for value in ("a", "b") * 2:
        assert lane.read(headers={"X-Own": value}) == f"[{value!r}]"


@pytest.mark.parametrize("own", [True, False])
@through(MIDDLEWARE_SYNC, FAST[0])
def test_the_language_that_middleware_shows_before_another_is_found_keys(
    lane: Lane, *, own: bool
) -> None:
    """A thread leaves it active after another request; where nobody can show it, it splits nothing."""
    locale = "django.middleware.locale.LocaleMiddleware"
    lane.middleware(*[OWN + "greets"] * own, locale, *STOCK)
    lane.show(showing(lambda request: getattr(request, "greeting", "nobody")))
    seen = []
    for language in ("de", "en", "de", "en"):
        with translation.override(language):
            seen.append(lane.read(headers={"Accept-Language": "en"}))
    assert seen == (["de", "en"] * 2 if own else ["nobody"] * 4)
    assert lane.renders == (2 if own else 1)
