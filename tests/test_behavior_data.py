"""One behavior in all lanes: what drops a page, and what happens while data moves."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path

from pagecache import ainvalidate, apurge, depends_on, invalidate, purge
from pagecache.recording.recorder import recording
from tests.lanes import DECORATOR_SYNC, MIDDLEWARE_SYNC, Lane, showing, status, text, through
from tests.site.factories import make_author
from tests.site.models import Author, Unrelated

pytestmark = pytest.mark.django_db(transaction=True)

hello = showing(lambda request: "hello")
authors = showing(lambda request: Author.objects.count())


def in_another_thread(write: Any) -> None:
    """Run a write to its end on a connection of its own, as another request would."""

    def run() -> None:
        try:
            with recording(None):
                write()
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    thread.join()


def drop(asynchronously: bool, name: str) -> None:
    async_to_sync(ainvalidate)(name) if asynchronously else invalidate(name)


@pytest.mark.parametrize("asynchronously", [False, True])
def test_tag_of_the_view_drops_its_pages(lane: Lane, asynchronously: bool) -> None:
    lane.mount(
        path("tagged/", lane.page(hello, timeout=300, tags=["news"])),
        path("other/", lane.page(hello)),
    )
    lane.get("/tagged/?a=1"), lane.get("/other/")
    assert lane.see("/tagged/").hit

    drop(asynchronously, "news")

    assert lane.see("/tagged/").forward == "stale"
    assert lane.see("/other/").hit


@pytest.mark.parametrize("target", ["auth.Group", "auth.group", Group, "long tag " * 100])
def test_tag_of_the_view_is_what_a_target_stands_for(lane: Lane, target: Any) -> None:
    named = target if isinstance(target, str) else "auth.Group"
    lane.show(hello, tags=[named])
    lane.get()
    assert lane.see().hit

    invalidate(target)

    assert not lane.see().hit


def test_tag_of_a_rule_drops_its_pages(lane: Lane) -> None:
    lane.configure(RULES=[{"match": "^/page/", "tags": ["news"]}])
    lane.show(hello)
    lane.get()
    assert lane.see().hit

    invalidate("news")

    assert not lane.see().hit


def test_depends_on_drops_the_page(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        depends_on("weather", Unrelated)
        return HttpResponse("sunny")

    lane.show(view)
    for target in ("weather", Unrelated, Unrelated(note="an instance"), "library.unrelated"):
        lane.get()
        assert lane.see().hit
        invalidate(target)
        assert not lane.see().hit


def test_depends_on_outside_of_a_page_has_no_effect() -> None:
    depends_on("weather")


def test_invalidate_refuses_what_is_no_target() -> None:
    with pytest.raises(TypeError, match="is no tag, model class or model instance"):
        invalidate(42)  # type: ignore[arg-type]


@pytest.mark.parametrize("asynchronously", [False, True])
def test_purge_drops_all_pages_of_a_path(lane: Lane, asynchronously: bool) -> None:
    whole = showing(lambda request: request.get_full_path())
    lane.mount(path("page/", lane.page(whole)), path("other/", lane.page(whole)))
    for url in ("/page/", "/page/?q=1", "/other/"):
        lane.get(url)

    async_to_sync(apurge)("/page/") if asynchronously else purge("/page/")

    assert [lane.see(url).hit for url in ("/page/", "/page/?q=1", "/other/")] == [
        False, False, True
    ]  # fmt: skip


def test_purge_of_nothing_drops_the_site(lane: Lane) -> None:
    lane.mount(path("a/", lane.page(hello)), path("b/", lane.page(hello)))
    lane.get("/a/"), lane.get("/b/")

    purge()

    assert not lane.see("/a/").hit
    assert not lane.see("/b/").hit


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_unsafe_methods_drop_the_pages_of_their_url(lane: Lane, method: str) -> None:
    lane.mount(path("page/", lane.page(hello)), path("other/", lane.page(hello)))
    lane.get(), lane.get("/other/")

    said = status(lane.visitor().ask(method))

    assert (said.forward, said.reason) == ("method", "method")
    assert not lane.see().hit
    assert lane.see("/other/").hit


def test_unsafe_method_that_failed_drops_nothing(lane: Lane) -> None:
    lane.show(lambda request: HttpResponse(status=200 if request.method == "GET" else 422))
    lane.get()

    lane.visitor().ask("post")

    assert lane.see().hit


def test_write_drops_what_was_read(lane: Lane) -> None:
    lane.show(authors)
    assert [lane.read(), lane.read()] == ["0", "0"]

    make_author()

    assert [lane.read(), lane.read()] == ["1", "1"]
    assert lane.renders == 2


def test_write_to_another_table_drops_nothing(lane: Lane) -> None:
    lane.show(authors)
    lane.get()

    Unrelated.objects.create(note="nothing")

    assert lane.see().hit


def test_request_that_writes_is_not_kept(lane: Lane) -> None:
    lane.show(showing(lambda request: make_author().name))
    lane.get()

    assert lane.see().reason == "wrote"
    assert Author.objects.count() == 2


def test_committed_write_during_the_render_is_not_hidden(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        seen = Author.objects.count()
        if lane.renders == 1:
            in_another_thread(make_author)
        return HttpResponse(str(seen))

    lane.show(view)
    first = lane.get()

    assert (text(first), status(first).stored) == ("0", False)
    assert status(first).reason == "moved"
    assert [lane.read(), lane.read()] == ["1", "1"]
    assert lane.renders == 2


def test_write_before_the_first_read_of_the_render_is_safe(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        if lane.renders == 1:
            in_another_thread(make_author)
        return HttpResponse(str(Author.objects.count()))

    lane.show(view)

    assert [lane.read(), lane.read(), lane.read()] == ["1", "1", "1"]
    assert lane.see().hit


def test_write_to_known_data_during_the_render_is_seen_by_its_own_version(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        seen = Author.objects.count()
        if "now" in request.GET:
            in_another_thread(make_author)
        return HttpResponse(str(seen))

    lane.show(view)
    lane.get(), lane.get("/page/?now=")
    first = lane.see("/page/?now=")

    assert (first.hit, first.stored) == (False, False)
    assert lane.read() == "2"


def test_invalidation_during_the_render_is_not_hidden(lane: Lane) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        depends_on("weather")
        if lane.renders == 1:
            invalidate("weather")
        return HttpResponse(str(lane.renders))

    lane.show(view)

    assert [lane.read(), lane.read(), lane.read()] == ["1", "2", "2"]


@through(MIDDLEWARE_SYNC, DECORATOR_SYNC)
def test_pages_are_kept_with_atomic_requests(lane: Lane, monkeypatch: Any) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    lane.show(authors)

    assert [lane.read(), lane.read()] == ["0", "0"]
    assert lane.renders == 1
    make_author()
    assert [lane.read(), lane.read()] == ["1", "1"]


@through(MIDDLEWARE_SYNC, DECORATOR_SYNC)
def test_write_of_an_atomic_request_drops_pages_once_committed(
    lane: Lane, monkeypatch: Any
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    lane.mount(
        path("page/", lane.page(authors)),
        path("write/", lane.page(showing(lambda request: make_author().name))),
    )
    lane.get()

    assert lane.see("/write/").reason == "wrote"
    assert [lane.read(), lane.read()] == ["1", "1"]


def test_uncommitted_write_is_never_kept(lane: Lane) -> None:
    lane.show(authors)
    lane.get()

    with transaction.atomic():
        make_author()
        inside = lane.get()
        assert not status(inside).stored
        if not lane.kind.on_loop:  # there the look-up stands on no connection at all
            assert (text(inside), status(inside).hit) == ("1", False)
        transaction.set_rollback(True)

    assert [lane.read(), lane.read()] == ["0", "0"]
