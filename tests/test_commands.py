"""The commands: what would happen to a URL, and dropping pages."""

from __future__ import annotations

from collections.abc import Generator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.test import Client
from django.urls import path

from pagecache import cache_page, depends_on
from pagecache.announcing import announcer
from pagecache.engine.visit import forget
from tests.caches import broken
from tests.site.factories import make_article
from tests.site.views import article_list


def greeting(request: HttpRequest) -> HttpResponse:
    depends_on("greetings")
    return HttpResponse(f"hello {request.GET.get('name')} {request.headers.get('X-Mood')}")


def promo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.COOKIES.get("promo", "none"))


def form(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"form {get_token(request)}")


urlpatterns = [
    path("form/", form),
    path("articles/", article_list),
    path("greeting/", greeting),
    path("promo/", promo),
    path("forever/", cache_page(None)(greeting)),
]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls(__name__)]


@pytest.fixture(autouse=True)
def _nothing_remembered(settings: Any, tmp_path: Path) -> Generator[None]:
    files = "django.core.cache.backends.filebased.FileBasedCache"
    settings.CACHES = {"default": {"BACKEND": files, "LOCATION": str(tmp_path)}}
    settings.PAGECACHE = {"ENABLED": True, "KEY_COOKIES": ["promo"], "KEY_HEADERS": ["X-Mood"]}
    forget()
    yield
    announcer.owed.clear()


def run(command: str, *arguments: str) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def explain(*arguments: str) -> str:
    return run("pagecache_explain", *arguments)


def purge(*arguments: str) -> str:
    return run("pagecache_purge", *arguments)


def is_hit(client: Client, url: str) -> bool:
    return client.get(url).headers["Cache-Status"].startswith("pagecache; hit")


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]


def test_explain_asks_every_rule() -> None:
    told = lines(explain("/greeting/"))
    assert told[:4] == ["GET /greeting/", "", "Rules", "disabled         ok"]
    assert [line.split()[0] for line in told[3:15]] == [
        "disabled", "method", "body", "authorization", "method_override", "ranges", "precondition", "host",
        "user_agent", "route", "session_cookie", "sensitive_param",
    ]  # fmt: skip
    assert all(line.endswith(" ok") for line in told[3:15])


def test_explain_names_every_reason_of_a_request_that_is_not_looked_up() -> None:
    told = explain(
        "/greeting/?token=x", "--header", "Authorization: Basic x", "--cookie", "sessionid=x"
    )
    assert "  authorization    authorization: the request carries `Authorization`\n" in told
    assert "  sensitive_param  sensitive-param: the query has a parameter" in told
    assert "  session_cookie   session-cookie: the visitor has a session" in told
    assert told.endswith("\nThe view answers (authorization); nothing is looked up or stored.\n")


def test_explain_says_that_no_view_answers() -> None:
    assert explain("/nowhere/").endswith(
        "The view answers (unresolved); nothing is looked up or stored.\n"
    )


def test_explain_names_what_is_filled_for_each_visitor() -> None:
    Client().get("/form/")
    told = explain("/form/")
    assert "status 200, 5 bytes" in told
    assert "filled for each visitor: csrf\n" in told


def test_explain_knows_nothing_of_a_page_that_was_never_made() -> None:
    told = explain("/greeting/?name=ann")
    assert "no page of this path was stored yet" in told
    assert "\nThe view answers (uri-miss), and its page is stored unless" in told
    assert "'/greeting/'" in told


def test_explain_shows_the_key_of_a_page_with_the_values_of_this_request(client: Client) -> None:
    client.get("/greeting/?name=ann", headers={"X-Mood": "glad"})
    told = lines(explain("/greeting/?name=bob", "--header", "X-Mood: sad"))
    assert "header x-mood    'sad'" in told
    assert "query name       ['bob']" in told
    assert "segment          'anonymous'" in told
    assert (
        "The view answers (uri-miss), and its page is stored unless the render speaks against it."
        in told
    )


def test_explain_shows_a_stored_page_with_its_tags(client: Client) -> None:
    client.get("/greeting/?name=ann", headers={"Host": "example.org"})
    told = explain("https://example.org/greeting/?name=ann")
    assert "hit" not in told, "another scheme is another page"
    told = explain("http://example.org/greeting/?name=ann")
    assert (
        "\nThe stored page answers (hit).\n  status 200, 14 bytes, made 0 s ago, kept for 300 s more\n"
        in told
    )
    assert [line.split()[0] for line in lines(told.partition("versions\n")[2])] == [
        "greetings", "page:/greeting/", "site",
    ]  # fmt: skip
    assert "absent" not in told


def test_explain_opens_what_is_sealed(settings: Any, client: Client) -> None:
    settings.PAGECACHE = {"ENABLED": True, "ENCRYPT": ["a secret of thirty-two letters or more"]}
    client.get("/forever/", headers={"Host": "localhost"})
    told = explain("http://localhost/forever/")
    assert "(hit)" in told
    assert "  greetings  " in told
    settings.PAGECACHE = {"ENABLED": True, "ENCRYPT": ["another secret of thirty-two letters"]}
    assert "(uri-miss)" in explain("http://localhost/forever/")


def test_explain_follows_cookies(client: Client) -> None:
    client.cookies["promo"] = "summer"
    client.get("/promo/", headers={"Host": "localhost"})
    assert "(hit)" in explain("/promo/", "--cookie", "promo=summer", "--header", "Host: localhost")
    assert "(uri-miss)" in explain("/promo/", "--cookie", "promo=winter", "--cookie", "x=y")


def test_explain_says_that_a_page_has_no_limit(client: Client) -> None:
    client.get("/forever/", headers={"Host": "localhost"})
    assert "kept without limit" in explain("http://localhost/forever/")


def test_explain_asks_for_the_first_host_that_is_allowed(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*", ".example.org"]
    assert "'example.org'" in explain("/greeting/")


def test_explain_says_why_a_page_is_not_looked_up_although_no_rule_speaks_against(
    settings: Any, client: Client
) -> None:
    client.get("/promo/")
    settings.PAGECACHE = {"ENABLED": True}
    told = explain("/promo/", "--cookie", "promo=summer")
    assert "\nThe view answers (undeclared-cookie: the page read a cookie" in told
    assert "cookie promo     (undeclared-cookie: only for pages that do not read it)" in told


def test_explain_stores_nothing(client: Client) -> None:
    explain("/greeting/")
    assert not is_hit(client, "/greeting/")


@pytest.mark.parametrize("url", ["greeting/", "", "example.org/x"])
def test_explain_refuses_what_is_no_url(url: str) -> None:
    with pytest.raises(CommandError, match="is no URL: start it with / or with https://"):
        explain(url)


def test_explain_refuses_what_is_no_header() -> None:
    with pytest.raises(CommandError, match="'X-Mood' is no header: write it as 'Name: value'"):
        explain("/greeting/", "--header", "X-Mood")


PURGES: list[tuple[list[str], set[str], str]] = [
    (["/greeting/"], {"/greeting/"}, "page:/greeting/"),
    (["/greeting/?name=ann"], {"/greeting/"}, "page:/greeting/"),
    (["--tag", "greetings"], {"/greeting/"}, "greetings"),
    (["--model", "library.Article"], {"/articles/"}, "library.article"),
    (["--tag", "library.Article"], {"/articles/"}, "library.article"),
    (["--all"], {"/articles/", "/greeting/"}, "the site"),
]
URLS = ("/articles/", "/greeting/")


def test_purge_drops_the_pages_of_a_segment(settings: Any, client: Client) -> None:
    settings.PAGECACHE = {**settings.PAGECACHE, "SEGMENT": "tests.lanes_site.access.by_country"}

    def hits() -> list[bool]:
        answers = [client.get("/greeting/", headers={"X-Country": one}) for one in ("fr", "de")]
        return ["; hit" in answer.headers["Cache-Status"] for answer in answers]

    assert [hits(), hits()] == [[False, False], [True, True]]
    assert purge("--segment", "fr") == "Dropped every page that depends on segment:fr.\n"
    assert hits() == [False, True]


def test_purge_says_that_pages_for_everybody_are_nobodys() -> None:
    with pytest.raises(CommandError, match="Pages of 'anonymous' are for everybody: drop them by"):
        purge("--segment", "anonymous")


@pytest.fixture
def stored(client: Client) -> Client:
    make_article()
    for url in URLS:
        client.get(url)
        assert is_hit(client, url)
    return client


@pytest.mark.parametrize("arguments, dropped, named", PURGES)
def test_purge_drops_what_was_named_and_no_other(
    arguments: list[str], dropped: set[str], named: str, stored: Client
) -> None:
    assert purge(*arguments) == f"Dropped every page that depends on {named}.\n"
    assert {url for url in URLS if not is_hit(stored, url)} == dropped


@pytest.mark.parametrize("arguments, _dropped, named", PURGES)
def test_a_dry_run_says_it_and_drops_nothing(
    arguments: list[str], _dropped: set[str], named: str, stored: Client
) -> None:
    assert purge(*arguments, "--dry-run") == f"Would drop every page that depends on {named}.\n"
    assert all(is_hit(stored, url) for url in URLS)


def test_purge_takes_several_things_at_once(stored: Client) -> None:
    told = purge("/greeting/", "/x/", "--tag", "a", "--tag", "b", "--model", "library.Article")
    assert [line.rsplit(" ")[-1] for line in lines(told)] == [
        "a.", "b.", "library.article.", "page:/greeting/.", "page:/x/.",
    ]  # fmt: skip
    assert not any(is_hit(stored, url) for url in URLS)


def test_purge_asks_what_to_drop() -> None:
    with pytest.raises(
        CommandError, match="Say what to drop: a URL path, --tag, --model, --segment or"
    ):
        purge()


@pytest.mark.parametrize("label", ["library.Nothing", "nowhere.Article", "article"])
def test_purge_refuses_a_model_that_is_not_there(label: str) -> None:
    with pytest.raises(CommandError, match=f"no model '{label}'.*Write it as app_label.ModelName"):
        purge("--model", label)


def test_purge_says_that_local_memory_is_out_of_its_reach(settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    with pytest.raises(CommandError, match="lives in each process"):
        purge("--all")
    assert purge("--all", "--dry-run") == "Would drop every page that depends on the site.\n"


@pytest.mark.parametrize("path", ["https://example.org/greeting/", "greeting/", "name:greeting"])
def test_purge_refuses_what_is_no_path(path: str) -> None:
    with pytest.raises(CommandError, match="is no path: give it as /news/"):
        purge(path)


def test_purge_takes_a_path_as_a_browser_shows_it() -> None:
    assert purge("/caf%C3%A9/?page=2").splitlines() == [
        "Dropped every page that depends on page:/caf%C3%A9/.",
        "Dropped every page that depends on page:/café/.",
    ]


def test_purge_fails_where_the_cache_server_does(settings: Any, tmp_path: Path) -> None:
    files = {"BACKEND": "tests.caches.WatchedFiles", "LOCATION": str(tmp_path)}
    settings.CACHES = {"default": files}
    with broken(), pytest.raises(CommandError, match="nothing was dropped"):
        purge("--all")


def test_explain_follows_the_decorator_where_there_is_no_middleware(
    settings: Any, client: Client
) -> None:
    settings.MIDDLEWARE = []
    assert "PageCacheMiddleware is not in MIDDLEWARE, and the view has no cache_page" in explain(
        "/greeting/"
    )
    assert "no cache_page" in explain("/nowhere/")
    assert "its page is stored unless" in explain("/forever/")

    client.get("/forever/")
    assert "The stored page answers (hit)." in explain("/forever/")
