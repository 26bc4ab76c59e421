"""What is the same for all is shared, and whoever else has a hand in a request passes nobody's values on."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.request import HttpHeaders
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import path
from django.views.generic import TemplateView

from tests.lanes import ALL, MEMORY, STOCK, Lane, showing, status, text

LANES = ALL
ON = (MEMORY,)
OWN = "tests.lanes_site.middleware."


SAME: dict[str, Callable[[Any], Any]] = {
    "method": lambda r: (r.method, r.META["REQUEST_METHOD"]),
    "path": lambda r: (r.path, r.path_info, r.META["PATH_INFO"], r.META.get("SCRIPT_NAME")),
    "match": lambda r: (
        r.resolver_match.view_name,
        r.resolver_match.kwargs,
        r.resolver_match.route,
    ),
    "host and scheme": lambda r: (
        r.get_host(),
        r.scheme,
        r.is_secure(),
        r.build_absolute_uri("/x"),
    ),
    "content type": lambda r: (r.content_type, r.content_params, r.encoding),
    "form": lambda r: (dict(r.POST), dict(r.FILES)),
    "upload handlers": lambda r: len(r.upload_handlers),
    "environment": lambda r: getattr(r, "environ", r.META) is r.META,
    "kinds": lambda r: [isinstance(r.GET, QueryDict), isinstance(r.headers, HttpHeaders)],
    "attributes": lambda r: [hasattr(r, name) for name in ("user", "session", "auser", "urlconf")],
}


@pytest.mark.parametrize("name", SAME)
def test_positive_control_what_is_the_same_for_all_is_shared(lane: Lane, name: str) -> None:
    lane.show(showing(SAME[name]))
    mine = text(lane.get(headers={"User-Agent": "one"}, cookies={"_ga": "1"}))
    other = lane.get("/page/?utm=x", headers={"User-Agent": "two"}, cookies={"_ga": "2"})
    assert (text(other), status(other).hit) == (mine, True)


META: dict[str, Callable[[Any], Any]] = {
    "name of its own": lambda r: r.META["SITE_THEME"],
    "header": lambda r: r.headers["X-Theme"],
    "address": lambda r: r.META["REMOTE_ADDR"],
    "cookie header": lambda r: r.META["HTTP_COOKIE"],
}


@pytest.mark.parametrize("name", META)
@pytest.mark.parametrize("declared", [True, False])
def test_what_middleware_writes_into_the_environment_stays_with_its_visitor(
    lane: Lane, name: str, declared: bool
) -> None:
    """It read a cookie for that: inside it is recorded, outside the environment is in the key."""
    themes = OWN + "writes_theme"
    lane.configure(OUTSIDE=[themes] if declared else [])
    lane.middleware(*STOCK, themes)
    lane.show(showing(META[name]))
    for theme in ("light", "dark") * 2:
        assert lane.read(cookies={"theme": theme}) == theme
    assert lane.read() == "plain"


def test_a_thread_that_reads_after_the_answer_spoils_nothing(lane: Lane) -> None:
    answered, seen = Event(), list[str | None]()

    def late(request: HttpRequest) -> None:
        answered.wait()
        seen.append(request.COOKIES.get("theme"))

    def view(request: HttpRequest) -> HttpResponse:
        threads.append(Thread(target=late, args=(request,)))
        threads[-1].start()
        return HttpResponse("hello")

    threads: list[Thread] = []
    lane.show(view)
    lane.get(cookies={"theme": "light"})
    answered.set()
    for thread in threads:
        thread.join()
    assert seen == ["light"]
    assert [lane.see(cookies={"theme": theme}).hit for theme in ("dark", "light")] == [True, True]


def test_what_a_template_calls_back_for_is_read_by_the_page(lane: Lane) -> None:
    template = engines["django"].from_string("page")

    def view(request: HttpRequest) -> HttpResponse:
        def shown(made: Any) -> None:
            made.content += request.COOKIES.get("theme", "plain").encode()

        response = TemplateResponse(request, template)
        response.add_post_render_callback(shown)
        return response

    lane.show(view)
    for theme in ("light", "dark") * 2:
        assert lane.read(cookies={"theme": theme}) == f"page{theme}"
    assert lane.read() == "pageplain"


class Themed(TemplateView):
    """Reads in a method that is called before any other."""

    default = ""
    theme = ""

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.theme = request.COOKIES.get("theme", self.default)

    def render_to_response(self, *_: Any, **__: Any) -> Any:
        return HttpResponse(self.theme)


def test_views_of_one_class_with_other_options_have_pages_of_their_own(lane: Lane) -> None:
    lane.mount(
        path("one/", lane.page(Themed.as_view(default="one"))),
        path("two/", lane.page(Themed.as_view(default="two"))),
    )
    for _ in range(2):
        assert [lane.read("/one/"), lane.read("/two/")] == ["one", "two"]
        assert lane.read("/one/", cookies={"theme": "dark"}) == "dark"
    assert lane.see("/two/").hit
