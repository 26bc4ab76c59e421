"""One behavior in all lanes: validators, what browsers and CDNs are told, and kinds of views."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.cache import patch_cache_control
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.vary import vary_on_headers

from pagecache import cache_exempt, cache_page
from tests.lanes import Lane, showing, status, text

hello = showing(lambda request: "hello")
YESTERDAY, TODAY = "Sat, 28 Feb 2026 12:00:00 GMT", "Sun, 01 Mar 2026 12:00:00 GMT"


def dated(request: HttpRequest) -> HttpResponse:
    return HttpResponse("dated", headers={"Last-Modified": YESTERDAY})


def test_stored_page_has_a_validator_from_the_first_answer_on(lane: Lane) -> None:
    lane.show(hello)

    first, second = lane.get(), lane.get()

    assert first["ETag"].startswith('"')
    assert second["ETag"] == first["ETag"]


@pytest.mark.parametrize("known", ["{}", 'W/{}, "x"', '"x", {}', "*"])
def test_known_page_is_answered_with_304(lane: Lane, known: str) -> None:
    lane.show(hello)
    etag = lane.get()["ETag"]

    answer = lane.get(headers={"If-None-Match": known.format(etag)})

    assert (answer.status_code, answer.content) == (304, b"")
    assert answer["ETag"] == etag
    assert status(answer).hit
    assert lane.renders == 1


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("method", ["put", "delete", "get"])
def test_condition_of_a_request_that_is_not_looked_up_is_the_views(
    lane: Lane, method: str, enabled: bool
) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("done", headers={"ETag": '"1"'})

    lane.configure(ENABLED=enabled)
    lane.show(view)
    headers = {"If-None-Match": "*", "Authorization": "Bearer x"}

    assert lane.visitor().ask(method, headers=headers).status_code == 200


def test_unknown_page_is_answered_whole(lane: Lane) -> None:
    lane.show(hello)
    lane.get()

    answer = lane.get(headers={"If-None-Match": '"another"'})

    assert (answer.status_code, text(answer)) == (200, "hello")


def test_validator_comes_before_the_date(lane: Lane) -> None:
    lane.show(dated)
    lane.get()
    headers = {"If-None-Match": '"another"', "If-Modified-Since": TODAY}

    assert lane.get(headers=headers).status_code == 200


@pytest.mark.parametrize("since, code", [(YESTERDAY, 304), (TODAY, 304), ("soon", 200)])
def test_dates_are_compared(lane: Lane, since: str, code: int) -> None:
    lane.show(dated)
    lane.get()

    assert lane.get(headers={"If-Modified-Since": since}).status_code == code


def test_condition_of_the_first_visitor_is_kept_from_the_view(lane: Lane) -> None:
    lane.show(showing(lambda request: request.headers.get("If-None-Match")))

    lane.get(headers={"If-None-Match": '"secret"'})

    assert lane.see().hit
    assert lane.read() == "None"


def test_first_visitor_with_a_matching_condition_gets_304_and_the_page_is_kept(lane: Lane) -> None:
    lane.show(lambda request: HttpResponse("tagged", headers={"ETag": '"1"'}))

    answer = lane.get(headers={"If-None-Match": '"1"'})

    assert (answer.status_code, status(answer).stored) == (304, True)
    assert lane.read() == "tagged"
    assert lane.renders == 1


def test_variants_have_validators_of_their_own(lane: Lane) -> None:
    lane.show(showing(lambda request: "same" + (request.GET.get("q") or "")[:0]))

    assert lane.get("/page/?q=1")["ETag"] != lane.get("/page/?q=2")["ETag"]


@pytest.mark.parametrize("visit", ["first", "second"])
def test_downstream_must_ask_each_time(lane: Lane, visit: str) -> None:
    lane.show(hello)
    answers = {"first": lane.get(), "second": lane.get()}

    assert answers[visit]["Cache-Control"] == "max-age=0, must-revalidate"


def test_downstream_may_keep_what_the_site_or_the_view_allows(lane: Lane) -> None:
    lane.configure(DOWNSTREAM_MAX_AGE=20)
    lane.mount(
        path("site/", lane.page(hello)),
        path("view/", lane.page(hello, timeout=300, downstream=60)),
    )

    assert [lane.get(url)["Cache-Control"] for url in ("/site/", "/view/")] == [
        "max-age=20",
        "max-age=60",
    ]


def test_what_the_view_tells_downstream_stays(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        response = HttpResponse("public")
        patch_cache_control(response, public=True, max_age=30)
        return response

    lane.show(view)

    assert lane.get()["Cache-Control"] == "public, max-age=30"
    assert lane.get()["Cache-Control"] == "public, max-age=30"


def test_page_that_differs_by_nothing_has_no_vary(lane: Lane) -> None:
    lane.show(showing(lambda request: "the same"))

    assert not lane.get().has_header("Vary")
    assert not lane.get().has_header("Vary")


def test_vary_names_what_the_key_holds(lane: Lane) -> None:
    lane.configure(KEY_COOKIES=["theme"], KEY_HEADERS=["X-Country"])
    lane.show(
        showing(lambda r: [r.COOKIES.get("theme"), r.headers.get("X-Country"), r.user.pk]),
        vary_on_headers("X-Own"),
    )
    lane.get()

    names = sorted(name.strip().lower() for name in lane.get()["Vary"].split(","))

    assert names == ["cookie", "x-country", "x-own"]


def test_headers_of_the_page_are_kept(lane: Lane) -> None:
    lane.show(
        lambda request: HttpResponse(
            "é".encode("latin-1"), "text/plain; charset=latin-1", headers={"X-Own": "mine"}
        )
    )
    lane.get()

    answer = lane.get()

    assert status(answer).hit
    assert (answer["Content-Type"], answer["X-Own"]) == ("text/plain; charset=latin-1", "mine")
    assert answer["X-Frame-Options"] == "DENY"
    assert answer.content == "é".encode("latin-1")


def test_word_of_caches_nearer_the_origin_stays_first(lane: Lane) -> None:
    lane.show(lambda request: HttpResponse("x", headers={"Cache-Status": "inner; hit"}))

    assert status(lane.get()).others == ("inner; hit",)


def test_template_response_is_kept_with_what_was_rendered_late(lane: Lane) -> None:
    template = engines["django"].from_string("{{ q }} {{ request.GET.q }}")

    def view(request: HttpRequest) -> HttpResponse:
        return TemplateResponse(request, template, {"q": "late"})

    lane.show(view)

    for _ in range(2):
        assert [lane.read(f"/page/?q={q}") for q in "ab"] == ["late a", "late b"]
    assert lane.renders == 2
    assert lane.see("/page/?q=a").hit


def test_template_response_calls_back_once_rendered(lane: Lane) -> None:
    template = engines["django"].from_string("late")

    def view(request: HttpRequest) -> HttpResponse:
        response = TemplateResponse(request, template)
        response.add_post_render_callback(lambda made: made.headers.setdefault("X-Late", "yes"))
        return response

    lane.show(view)

    assert [lane.get()["X-Late"] for _ in range(2)] == ["yes", "yes"]
    assert lane.renders == 1


def class_based(lane: Lane) -> Any:
    """Return a class whose `get` is as the lane has it."""

    def answer(self: View, request: HttpRequest) -> HttpResponse:
        lane.renders += 1
        return HttpResponse(f"class {request.GET.get('q')}")

    async def aanswer(self: View, request: HttpRequest) -> HttpResponse:
        return answer(self, request)

    return type("Page", (View,), {"get": aanswer if lane.kind.on_loop else answer})


def test_class_is_decorated_at_its_dispatch(lane: Lane) -> None:
    decorated: Any = method_decorator(cache_page(60), name="dispatch")(class_based(lane))
    lane.mount(path("page/", decorated.as_view()))

    assert lane.see().ttl == 60
    assert lane.see().hit
    assert [lane.read("/page/?q=1"), lane.read("/page/?q=2")] == ["class 1", "class 2"]
    assert lane.renders == 3


def test_class_is_decorated_in_the_urlconf(lane: Lane) -> None:
    lane.mount(path("page/", cache_page(60)(class_based(lane).as_view())))

    assert lane.see().ttl == 60
    assert lane.see().hit
    assert lane.renders == 1


def test_class_is_exempt_at_its_dispatch(lane: Lane) -> None:
    decorated: Any = method_decorator([cache_exempt, cache_page(60)], name="dispatch")(
        class_based(lane)
    )
    lane.mount(path("page/", decorated.as_view()))

    assert lane.see().reason == "exempt"
    assert not lane.see().hit
    assert lane.renders == 2
