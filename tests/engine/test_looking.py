"""Look-up: what is served is proved current."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse

from pagecache import depends_on
from pagecache.announcing import Due, announcer, site_names, site_store
from pagecache.core.codec import FOREVER, Entry, encode
from pagecache.core.reasons import Reason
from pagecache.engine import looking
from pagecache.engine.drive import drive
from pagecache.engine.flow import look_up_late, page
from pagecache.engine.visit import forget, known_tags, recipes
from pagecache.invalidation import invalidate
from pagecache.recording.recorder import Recorder
from pagecache.rows import shape_of
from pagecache.tags import SITE
from pagecache.versions import STAR
from pagecache.writes import writes
from tests.caches import broken
from tests.engine.visits import STORED, answer, data, get, key_of, reason, show, visit_of
from tests.site.models import Author

SECRET = "a secret of thirty-two letters or more"


def test_another_process_serves_it_too() -> None:
    get()
    forget()
    assert get()[1].startswith("hit")


def by_moon(request: HttpRequest) -> str | None:
    return request.META.get("MOON")


@pytest.fixture
def _segmented(settings: Any) -> None:
    settings.PAGECACHE = {"ENABLED": True, "SEGMENT": f"{__name__}.by_moon"}


def get_late(moon: str) -> tuple[str, str]:
    """A request that is looked up behind the site's middleware."""
    visit = visit_of(MOON=moon)
    assert visit.late

    def view(_request: HttpRequest) -> Any:
        return drive(look_up_late(visit)) or show(visit.request)

    response = drive(page(visit), answer(visit, view))
    return response.content.decode(), response.headers["Cache-Status"].split("; ", 1)[1]


@pytest.mark.usefixtures("_segmented")
def test_what_is_owed_is_paid_before_a_page_is_looked_up_late() -> None:
    announcer.owed[object()] = Due(frozenset({"data"}))
    assert get_late("full") == ("old", STORED)
    assert not announcer.owed


@pytest.mark.usefixtures("_segmented")
def test_pages_of_segments_are_looked_up_late_and_kept_apart() -> None:
    assert get_late("full") == ("old", STORED)
    data["value"] = "new"
    assert get_late("full")[0] == "old"
    assert get_late("new") == ("new", STORED)
    assert get_late("full")[1].startswith("hit")


@pytest.mark.usefixtures("_segmented")
def test_data_that_middleware_read_before_the_late_look_up_has_no_start_version() -> None:
    """It may be older than what the look-up finds."""
    get_late("full")
    visit = visit_of(MOON="new")

    def view(_request: HttpRequest) -> HttpResponse:
        depends_on("data")
        value = data["value"]
        data["value"] = "new"
        invalidate("data")
        drive(look_up_late(visit))
        return HttpResponse(value)

    response = drive(page(visit), answer(visit, view))
    assert response.content == b"old"
    assert reason(visit) is Reason.MOVED
    assert get_late("new") == ("new", STORED)


Reading = Callable[[Recorder], object]


def read_rows(render: Recorder, table: str, *keys: int) -> None:
    shape = shape_of(table)
    assert shape is not None
    render.depend_on_rows(shape, {f"{shape.tag}:{key}" for key in keys})


def get_rows(sooner: Reading, later: Reading, *, is_changed: bool = False) -> tuple[str, str]:
    """A page whose middleware read rows, which change, before the look-up; its view reads more."""
    visit = visit_of(MOON="full")

    def view(_request: HttpRequest) -> Any:
        sooner(visit.recorder)
        value = data["value"]
        if is_changed:
            data["value"] = "new"
            invalidate(Author)
        if (served := drive(look_up_late(visit))) is None:
            later(visit.recorder)
        return served or HttpResponse(value)

    response = drive(page(visit), answer(visit, view))
    return response.content.decode(), response.headers["Cache-Status"].split("; ", 1)[1]


def authors(*keys: int) -> Reading:
    return lambda render: read_rows(render, "library_author", *keys)


def articles(*keys: int) -> Reading:
    return lambda render: read_rows(render, "library_article", *keys)


@pytest.mark.parametrize(
    "sooner, later",
    [
        pytest.param(authors(1), lambda _render: depends_on(Author), id="their table"),
        pytest.param(authors(1, 2), authors(3), id="too many of them"),
        pytest.param(
            lambda render: (authors(1, 2)(render), articles(1)(render)),
            articles(2, 3, 4),
            id="too many others",
        ),
    ],
)
def test_rows_that_middleware_read_have_no_start_version_whatever_comes_to_stand_for_them(
    settings: Any, sooner: Reading, later: Reading
) -> None:
    settings.PAGECACHE = {"ENABLED": True, "SEGMENT": f"{__name__}.by_moon", "MAX_ROWS": 2}
    get_rows(sooner, later)
    assert get_rows(sooner, later)[1].startswith("hit")
    assert get_rows(sooner, later, is_changed=True) == ("old", "fwd=stale")
    assert get_rows(sooner, later) == ("new", "fwd=stale; stored; ttl=300")


@pytest.mark.usefixtures("_segmented")
def test_a_page_whose_late_look_up_was_never_reached_is_not_stored() -> None:
    visit = visit_of(MOON="full")
    drive(page(visit), answer(visit))
    assert reason(visit) is Reason.NO_SEGMENT
    assert not get_late("full")[1].startswith("hit")


def test_nobody_is_served_while_an_announcement_is_owed() -> None:
    get()
    with broken("set"):
        invalidate("data")
        _, status, visit = get()
    assert (status, reason(visit)) == ("fwd=bypass", Reason.OWED)
    assert get()[1] == "fwd=stale; stored; ttl=300"
    assert not announcer.owed


@pytest.mark.parametrize("stored", [True, False])
def test_what_a_connection_wrote_and_did_not_announce_is_neither_served_nor_stored(
    stored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if stored:
        get()
    with monkeypatch.context() as patch:
        patch.setattr(writes, "unannounced", lambda: frozenset({"data"}))
        _, status, visit = get()
    assert reason(visit) is Reason.UNANNOUNCED
    assert status == ("fwd=bypass" if stored else "fwd=uri-miss")
    assert get()[1].startswith("hit" if stored else STORED)


@pytest.mark.parametrize("what", [b"", b"garbage", bytes(500), b"\x81" + bytes(500)])
@pytest.mark.parametrize("secrets", [[], [SECRET]], ids=["plain", "sealed"])
def test_a_damaged_entry_is_a_miss(what: bytes, secrets: list[str], settings: Any) -> None:
    settings.PAGECACHE = {"ENABLED": True, "ENCRYPT": secrets}
    _, _, visit = get()
    site_store().put({key_of(visit): what}, 60)
    assert get()[1] == STORED


def test_an_entry_of_another_key_is_a_miss() -> None:
    _, _, visit = get()
    head, tail = encode(Entry(b"other", (), 200, (), b"not yours", 0.0, FOREVER))
    site_store().put({key_of(visit): head + tail}, 60)
    assert get()[:2] == ("old", STORED)


def test_a_sealed_entry_that_was_put_elsewhere_is_a_miss(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the key material would not tell the two apart."""
    settings.PAGECACHE = {"ENABLED": True, "ENCRYPT": [SECRET]}
    _, _, visit = get()
    (stored,) = site_store().fetch([key_of(visit)])
    assert stored is not None
    with monkeypatch.context() as patch:
        patch.setattr(looking, "digest", lambda _material: "elsewhere")
        site_store().put({site_names().entry("elsewhere"): stored}, 60)
        assert not get()[1].startswith("hit")
    assert get()[1].startswith("hit")


@pytest.mark.parametrize("tag", ["data", "site", "page:/page/", STAR])
@pytest.mark.parametrize("known", [True, False])
def test_a_lost_version_is_a_miss_but_for_the_star(tag: str, known: bool) -> None:
    get()
    site_store().delete([site_names().version(tag)])
    if not known:
        forget()
    assert get()[1].startswith("hit" if tag == STAR else "fwd=stale; stored")
    assert get()[1].startswith("hit")


@pytest.mark.django_db(transaction=True)
def test_versions_in_a_table_are_not_read_inside_a_transaction(settings: Any) -> None:
    """Its snapshot would freeze them."""
    backend = "django.core.cache.backends.db.DatabaseCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": "frozen_pages"}}
    call_command("createcachetable", verbosity=0)
    with transaction.atomic():
        _, status, visit = get()
        assert (status, reason(visit)) == ("fwd=bypass", Reason.TRANSACTION)
    assert get()[1] == STORED
    with transaction.atomic():
        assert get()[1] == "fwd=bypass"
    assert get()[1].startswith("hit")


@pytest.mark.django_db(transaction=True)
def test_versions_in_a_table_are_not_read_beside_a_cursor_that_is_half_read(settings: Any) -> None:
    """It freezes them in SQLite."""
    backend = "django.core.cache.backends.db.DatabaseCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": "frozen_pages"}}
    call_command("createcachetable", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(["SELECT * FROM frozen_pages"] * 9))
        assert reason(get("/half/")[2]) is Reason.TRANSACTION
    assert get("/half/")[1] == STORED


def test_is_current_only_if_every_version_is_there_and_equal() -> None:
    a, b = b"a" * 16, b"b" * 16
    assert looking.is_current(("t", "u"), a + b, {"t": a, "u": b, "v": None})
    assert looking.is_current((), b"", {})
    for now in ({"t": b, "u": a}, {"t": a, "u": None}, {"t": a, "u": b"b"}, {"t": a + b, "u": b""}):
        assert not looking.is_current(("t", "u"), a + b, now)


def test_the_memory_of_a_process_is_forgotten_without_harm() -> None:
    get()
    assert recipes
    assert known_tags
    forget()
    assert not recipes
    assert not known_tags
    assert get()[1].startswith("hit")


def test_the_first_page_of_a_path_is_stored_while_unsafe_requests_come_in() -> None:
    def slow(request: HttpRequest) -> HttpResponse:
        Context().run(get, "/elsewhere/", method="POST")  # somebody else's
        return HttpResponse("page")

    assert get(view=slow)[1] == "fwd=uri-miss"
    assert get("/other/", view=slow)[1] == STORED
    site_store().delete([site_names().version(SITE)])
    assert get("/third/", view=slow)[1] == STORED


def test_the_first_page_of_a_path_is_not_stored_over_an_unsafe_request_for_it() -> None:
    def slow(request: HttpRequest) -> HttpResponse:
        Context().run(get, request.path, method="POST")
        return HttpResponse("page")

    get("/elsewhere/", method="POST")
    assert reason(get("/other/", view=slow)[2]) is Reason.MOVED
