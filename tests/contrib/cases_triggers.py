"""Pages are dropped when others write to PostgreSQL; `tests/contrib/test_triggers.py` runs these."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path

from pagecache.announcing import announcer, site_names, site_store
from pagecache.contrib.triggers import Renew, Watch, channel
from pagecache.contrib.triggers.channel import Channel
from pagecache.contrib.triggers.listening import Listener
from pagecache.contrib.triggers.sql import CHANNEL, CREATE_FUNCTION, LONGEST
from tests.caches import BROKEN, broken
from tests.contrib.watching import connect, migrate, tables, unmanaged, watched
from tests.lanes import MEMORY, MIDDLEWARE_SYNC, Lane
from tests.lines import Line
from tests.servers import HOST
from tests.site.factories import make_article
from tests.site.models import Article, Author, Badge, Comment

pytestmark = pytest.mark.django_db(transaction=True)
LANES, ON = (MIDDLEWARE_SYNC,), (MEMORY,)
PATIENCE = 10.0  # seconds
LIST, ONE, TWO = "/list/", "/1/", "/2/"

Run = Callable[..., Any]


def article_list(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(", ".join(str(article) for article in Article.objects.all()[:9]))


def article(_request: HttpRequest, pk: int) -> HttpResponse:
    return HttpResponse(get_object_or_404(Article, pk=pk).title)


def comments(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(Comment.objects.count()))


def tagged(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(Article.tags.through.objects.count()))


def badge(_request: HttpRequest, pk: Any) -> HttpResponse:
    return HttpResponse(Badge.objects.get(pk=pk).kind)


def events(_request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), sum(number) FROM events")
        return HttpResponse(str(cursor.fetchone()))


@pytest.fixture
def site(lane: Lane) -> Lane:
    lane.mount(
        path("list/", lane.page(article_list)),
        path("<int:pk>/", lane.page(article)),
        path("comments/", lane.page(comments)),
        path("tagged/", lane.page(tagged)),
        path("badges/<uuid:pk>/", lane.page(badge)),
        path("events/", lane.page(events)),
    )
    author = make_article("gigi", pk=1).author
    make_article("cheri", pk=2, author=author)
    return lane


@pytest.fixture
def psql() -> Generator[Run]:
    """Run a statement past Django."""
    with closing(connect()) as other:
        yield other.execute


@contextmanager
def listening() -> Generator[Listener]:
    with closing(Listener("default")) as made:
        made.open()
        yield made


@pytest.fixture
def listener() -> Generator[Listener]:
    with watched("Article"), closing(Listener("default")) as made:
        assert list(made.open()) == ["library_article", "library_article_tags"]
        yield made


def keep(site: Lane, *pages: str) -> None:
    for page in pages:
        site.get(page)
    assert dropped(site, *pages) == set()


def dropped(site: Lane, *pages: str) -> set[str]:
    """Return which of the pages are not served any more; they are made anew."""
    return {page for page in pages if not site.see(page).hit}


def hear_all(listener: Listener, psql: Run) -> None:
    """Hear all that was told so far, if anything was: messages come in the order of the commits."""
    before = last_version()
    psql("SELECT pg_notify(%s, %s)", [CHANNEL, '{"table": "the_last"}'])
    while last_version() == before:
        listener.hear(PATIENCE)


def last_version() -> bytes | None:
    (version,) = site_store().fetch(site_names().versions(("table:the_last",)))
    return version


def hear_for_ever(listener: Listener) -> None:
    while True:
        listener.hear(PATIENCE)


def test_a_row_that_was_updated_drops_its_page_and_lists(
    site: Lane, psql: Run, listener: Listener
) -> None:
    keep(site, LIST, ONE, TWO)
    psql("UPDATE library_article SET title = 'New' WHERE slug = 'gigi'")
    hear_all(listener, psql)
    assert dropped(site, LIST, ONE, TWO) == {LIST, ONE}
    assert site.read(ONE) == "New"


@pytest.mark.parametrize(
    "statement, pages",
    [
        ("INSERT INTO library_unrelated (note) VALUES ('not watched')", set()),
        (
            "INSERT INTO library_article SELECT 9, 'Sido', 'sido', '', id, NULL, 0 FROM library_author",
            {LIST},
        ),
        (
            "INSERT INTO library_article SELECT 2, 'x', 'cheri', '', id, NULL, 0 FROM library_author "  # noqa: ISC004
            "ON CONFLICT (id) DO UPDATE SET title = excluded.title",
            {LIST, TWO},
        ),
        ("DELETE FROM library_article WHERE id = 2", {LIST, TWO}),
        ("UPDATE library_article SET id = 3 WHERE id = 2", {LIST, TWO}),
        ("UPDATE library_article SET title = 'x' WHERE id = 7", set()),
        ("DELETE FROM library_article WHERE id = 7", set()),
        ("WITH gone AS (DELETE FROM library_article WHERE id = 2) SELECT 1", {LIST, TWO}),
        ("TRUNCATE library_article CASCADE", {LIST, ONE, TWO, "/comments/", "/tagged/"}),
    ],
)
def test_pages_are_dropped_by(
    statement: str, pages: set[str], site: Lane, psql: Run, listener: Listener
) -> None:
    every = (LIST, ONE, TWO, "/comments/", "/tagged/")
    keep(site, *every)
    psql(statement)
    hear_all(listener, psql)
    assert dropped(site, *every) == pages


def test_merge_drops_what_it_changed(site: Lane, psql: Run, listener: Listener) -> None:
    keep(site, LIST, ONE, TWO)
    has_merge = cast(Any, connection).pg_version >= 150000
    psql(
        "MERGE INTO library_article AS a USING library_author ON a.id = 2 WHEN MATCHED THEN UPDATE SET title = 'x'"
        if has_merge
        else "UPDATE library_article AS a SET title = 'x' FROM library_author WHERE a.id = 2"
    )
    hear_all(listener, psql)
    assert dropped(site, LIST, ONE, TWO) == {LIST, TWO}


def test_copy_drops_lists(site: Lane, psql: Run, listener: Listener) -> None:
    keep(site, LIST, ONE)
    author = Author.objects.get().pk
    with connect() as other, other.cursor() as cursor:
        columns = "(id, title, slug, body, author_id, views)"
        with cursor.copy(f"COPY library_article {columns} FROM STDIN") as copy:
            copy.write_row((9, "Sido", "sido", "", author, 0))
    hear_all(listener, psql)
    assert dropped(site, LIST, ONE) == {LIST}
    assert "Sido" in site.read(LIST)


@pytest.mark.parametrize("several, pages", [(100, {LIST}), (101, {LIST, ONE})])
def test_rows_are_told_apart_up_to_a_hundred(
    several: int, pages: set[str], site: Lane, psql: Run, listener: Listener
) -> None:
    psql(
        "INSERT INTO library_article (id, title, slug, body, author_id, views) "
        "SELECT n, '', 's' || n, '', author.id, 0 FROM generate_series(1000, 1200) AS n, library_author AS author"
    )
    hear_all(listener, psql)
    keep(site, LIST, ONE)
    psql("UPDATE library_article SET views = 1 WHERE id BETWEEN 1000 AND %s", [999 + several])
    hear_all(listener, psql)
    assert dropped(site, LIST, ONE) == pages


def test_statements_of_a_batch_that_change_too_many_rows_together(
    site: Lane, psql: Run, listener: Listener
) -> None:
    """A page of a row that was changed is dropped; that others are too is not wanted, but safe."""
    keep(site, LIST, TWO)
    with connect() as other, other.transaction():
        other.execute("UPDATE library_article SET id = id + 1000 WHERE id = 2")
        for at in range(1002, 1152):
            other.execute("UPDATE library_article SET id = id + 1 WHERE id = %s", [at])
    hear_all(listener, psql)
    assert dropped(site, LIST, TWO) == {LIST, TWO}


def test_rows_with_uuids_are_told_apart(site: Lane, psql: Run) -> None:
    psql(
        "INSERT INTO library_badge (id, kind, number) "
        "SELECT gen_random_uuid(), 'k', n FROM generate_series(1, 101) AS n"
    )
    first, last = Badge.objects.order_by("number")[::100]
    page = f"/badges/{last.pk}/"
    with watched("Badge"), listening() as listener:
        keep(site, page)
        psql("UPDATE library_badge SET kind = 'l' WHERE id = %s", [first.pk])
        hear_all(listener, psql)
        assert dropped(site, page) == set()
        psql("UPDATE library_badge SET kind = 'm' WHERE id = %s", [last.pk])
        hear_all(listener, psql)
        assert dropped(site, page) == {page}


def messages(statement: str, psql: Run) -> list[dict[str, Any]]:
    with closing(Channel(connection.get_connection_params())) as channel:
        channel.open()
        psql(statement)
        return [json.loads(message) for message in channel.heard(PATIENCE)]


@pytest.mark.parametrize(
    "columns, key",
    [
        ("id smallint PRIMARY KEY, number int", "id"),
        ("id bigint, number uuid DEFAULT gen_random_uuid() PRIMARY KEY", "number"),
        ("id varchar PRIMARY KEY, number int", None),
        ("id numeric PRIMARY KEY, number int", None),
        ("id int, number int DEFAULT 1, PRIMARY KEY (id, number)", None),
        ("id int UNIQUE, number int", None),
    ],
)
def test_keys_leave_the_database_if_they_are_single_numbers_or_uuids(
    columns: str, key: str | None, psql: Run
) -> None:
    state = unmanaged("Event", "events")
    with tables(f"CREATE TABLE events ({columns})"), watched("Event", state=state):
        psql("INSERT INTO events (id) VALUES (7), (8)")
        (message,) = messages("DELETE FROM events WHERE id::text = '7'", psql)
    assert message.pop("rows") is None if key is None else len(message.pop("rows")) == 1
    assert message == {"verb": "DELETE", "table": "events", "key": key}


def test_a_message_that_would_be_too_long_names_no_rows(psql: Run) -> None:
    name = "x" + "\\" * 60  # each is two in JSON
    made = (
        f'CREATE TABLE "{name}" ("{name}" uuid PRIMARY KEY DEFAULT gen_random_uuid(), number int)'
    )
    with tables(made), watched("Event", state=unmanaged("Event", name)):
        psql(f'INSERT INTO "{name}" (number) SELECT generate_series(1, 100)')
        (message,) = messages(f'UPDATE "{name}" SET "{name}" = gen_random_uuid()', psql)
    assert message == {"verb": "UPDATE", "table": name}


def test_a_write_that_is_rolled_back_drops_nothing(
    site: Lane, psql: Run, listener: Listener
) -> None:
    keep(site, LIST, ONE)
    with connect() as other, other.transaction(force_rollback=True):
        other.execute("UPDATE library_article SET title = 'x'")
    hear_all(listener, psql)
    assert dropped(site, LIST, ONE) == set()


def test_a_write_is_told_when_it_commits(site: Lane, psql: Run, listener: Listener) -> None:
    keep(site, LIST)
    with connect() as other, other.transaction():
        other.execute("UPDATE library_article SET title = 'x' WHERE id = 1")
        hear_all(listener, psql)
        assert dropped(site, LIST) == set()
    hear_all(listener, psql)
    assert site.read(LIST) == "x, Cheri"


def test_a_table_between_two_is_watched_with_its_field(
    site: Lane, psql: Run, listener: Listener
) -> None:
    psql("INSERT INTO library_tag (name) VALUES ('novel')")
    keep(site, "/tagged/", ONE)
    psql("INSERT INTO library_article_tags (article_id, tag_id) SELECT 1, id FROM library_tag")
    hear_all(listener, psql)
    assert dropped(site, "/tagged/", ONE) == {"/tagged/"}


def test_writes_of_the_site_itself_are_told_too(site: Lane, psql: Run, listener: Listener) -> None:
    """A process that is killed before it announces leaves nothing stale."""
    keep(site, LIST)
    Article.objects.filter(pk=1).update(title="x")
    keep(site, LIST)
    hear_all(listener, psql)
    assert dropped(site, LIST) == {LIST}


def test_a_message_that_is_no_triggers_drops_the_site(
    site: Lane, psql: Run, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    for message in ("", "[]", '{"rows": []}', "[" * LONGEST):
        keep(site, LIST, "/comments/")
        psql("SELECT pg_notify(%s, %s)", [CHANNEL, message])
        listener.hear(PATIENCE)
        assert dropped(site, LIST, "/comments/") == {LIST, "/comments/"}
    assert "not one of a trigger" in caplog.text


def test_a_key_that_is_not_the_models_stands_for_all_rows(
    site: Lane, psql: Run, listener: Listener
) -> None:
    keep(site, LIST, ONE)
    message = '{"table": "library_article", "key": "number", "rows": ["2"]}'
    psql("SELECT pg_notify(%s, %s)", [CHANNEL, message])
    hear_all(listener, psql)
    assert dropped(site, LIST, ONE) == {LIST, ONE}


def test_what_was_written_before_somebody_listened_drops_pages(site: Lane, psql: Run) -> None:
    with watched("Article"):
        keep(site, LIST, ONE, "/comments/")
        psql("UPDATE library_article SET title = 'New' WHERE id = 1")
        assert dropped(site, LIST, ONE) == set(), "nobody listens"
        with listening():
            pass
        assert dropped(site, LIST, ONE, "/comments/") == {LIST, ONE}


def test_a_lost_connection_is_an_error(listener: Listener, psql: Run) -> None:
    psql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pagecache_listen'"
    )
    with pytest.raises(psycopg.OperationalError):
        hear_for_ever(listener)


def test_messages_that_come_with_an_answer_are_heard(psql: Run) -> None:
    with closing(Channel(connection.get_connection_params())) as heard:
        heard.open()
        for name in ("a", "b"):
            psql("SELECT pg_notify(%s, %s)", [CHANNEL, name])
            heard.open()
            assert heard.heard(PATIENCE) == [name]
            psql("SELECT pg_notify(%s, %s)", [CHANNEL, name])
            heard.ask()
            assert heard.heard(PATIENCE) == [name]


def test_a_connection_that_is_dead_but_open_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    params = connection.get_connection_params() | {"host": HOST, "sslmode": "disable"}
    with (
        closing(Line(connection.settings_dict)) as line,
        closing(Channel(params | {"port": line.port})) as heard,
    ):
        heard.ask()
        monkeypatch.setattr(channel, "PATIENCE", 0.2)
        line.stall()
        with pytest.raises(psycopg.OperationalError, match=r"did not answer for 0.2 s"):
            heard.ask()


def test_silence_is_no_error(listener: Listener) -> None:
    for _ in range(3):
        listener.hear(0)
    assert not announcer.owed


def owed() -> bool:
    return bool(announcer.owed)


def test_what_could_not_be_announced_is_when_the_store_is_back(
    site: Lane, psql: Run, listener: Listener
) -> None:
    site.settings.CACHES = {"default": BROKEN}
    keep(site, LIST, ONE)
    with broken("set"):
        psql("UPDATE library_article SET title = 'New' WHERE id = 1")
        listener.hear(PATIENCE)
        assert owed()
        listener.hear(0)
        assert owed()
    listener.hear(PATIENCE)
    assert not owed()
    assert dropped(site, LIST, ONE) == {LIST, ONE}
    assert site.read(ONE) == "New"


PARTITIONED = (
    "CREATE TABLE events (id int, number int) PARTITION BY LIST (number)",
    "CREATE TABLE events_1 PARTITION OF events FOR VALUES IN (1)",
    "CREATE TABLE events_2 PARTITION OF events FOR VALUES IN (2)",
)
INHERITED = (
    "CREATE TABLE events (id int PRIMARY KEY, number int)",
    "CREATE TABLE events_1 () INHERITS (events)",
)


@pytest.mark.parametrize("made", [PARTITIONED, INHERITED])
def test_a_write_through_a_parent_is_told_and_one_past_it_is_not(
    made: tuple[str, ...], site: Lane, psql: Run
) -> None:
    state = unmanaged("Event", "events")
    with tables(*made), watched("Event", state=state), listening() as listener:
        keep(site, "/events/")
        psql("INSERT INTO events VALUES (1, 1)")
        hear_all(listener, psql)
        assert dropped(site, "/events/") == {"/events/"}
        psql("INSERT INTO events_1 VALUES (2, 1)")
        hear_all(listener, psql)
        assert dropped(site, "/events/") == set()
        psql("UPDATE events SET number = number + 1")
        hear_all(listener, psql)
        assert dropped(site, "/events/") == {"/events/"}
        psql("DELETE FROM events WHERE id = 2")
        hear_all(listener, psql)
        assert dropped(site, "/events/") == {"/events/"}


def test_what_the_database_deletes_by_itself_is_told(site: Lane, psql: Run) -> None:
    made = (
        "CREATE TABLE days (id int PRIMARY KEY)",
        "CREATE TABLE events (id int PRIMARY KEY, number int REFERENCES days ON DELETE CASCADE)",
    )
    state = unmanaged("Event", "events")
    with tables(*made), watched("Event", state=state), listening() as listener:
        psql("INSERT INTO days VALUES (1)")
        psql("INSERT INTO events VALUES (7, 1)")
        hear_all(listener, psql)
        keep(site, "/events/")
        psql("DELETE FROM days")
        hear_all(listener, psql)
        assert dropped(site, "/events/") == {"/events/"}


def test_definitions_that_change_later_fail_no_write(site: Lane, psql: Run) -> None:
    made = ('CREATE TABLE "WineList" ("Key" int PRIMARY KEY, note text)',)
    state = unmanaged("Event", "WineList")
    with tables(*made), watched("Event", state=state), listening() as listener:
        for change in (
            'ALTER TABLE "WineList" ADD more text',
            'ALTER TABLE "WineList" RENAME "Key" TO "key of %s"',
            'ALTER TABLE "WineList" DROP CONSTRAINT "WineList_pkey"',
            'ALTER TABLE "WineList" RENAME TO events',
        ):
            table = "events" if "Wine" not in change else '"WineList"'
            psql(f"INSERT INTO {table} VALUES (1, 'x')")
            psql(f"UPDATE {table} SET note = 'y'")
            psql(f"DELETE FROM {table}")
            psql(change)
        psql("ALTER TABLE events RENAME note TO number")
        psql("ALTER TABLE events ALTER number TYPE int USING 1")
        hear_all(listener, psql)
        keep(site, "/events/")
        psql("INSERT INTO events VALUES (1, 1)")
        hear_all(listener, psql)
        assert dropped(site, "/events/") == {"/events/"}
        psql("DROP TABLE events")


def triggers() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass || ' ' || tgname FROM pg_trigger WHERE tgname LIKE 'pagecache%' "
            "UNION SELECT proname FROM pg_proc WHERE proname LIKE 'pagecache%' ORDER BY 1"
        )
        return [name for (name,) in cursor]


def test_the_operation_goes_forwards_and_backwards() -> None:
    assert triggers() == []
    migrate(Watch("Author"))
    author = [
        f"library_author pagecache_{verb}" for verb in ("delete", "insert", "truncate", "update")
    ]
    assert triggers() == [*author, "pagecache_tell"]
    migrate(Watch("library.Article"))
    migrate(Watch("library.Article"))
    assert len(triggers()) == 13
    migrate(Watch("library.Article"), back=True)
    assert triggers() == [*author, "pagecache_tell"]
    migrate(Watch("Author"), back=True)
    assert triggers() == []
    migrate(Watch("Author"), back=True)


def test_the_function_of_another_version_is_renewed(listener: Listener, psql: Run) -> None:
    assert all(listener.open().values())
    psql(CREATE_FUNCTION.replace("'table'", "'of'"))
    assert not any(listener.open().values())
    migrate(Renew())
    assert all(listener.open().values())
    migrate(Renew(), back=True)
    assert all(listener.open().values())


def test_the_operation_can_be_shown_as_sql() -> None:
    shown = migrate(Watch("Author"), collect_sql=True)
    assert len(shown) == 5
    assert shown[0].startswith("CREATE OR REPLACE FUNCTION pagecache_tell()")
    assert 'AFTER INSERT ON "library_author"' in shown[1]
    assert triggers() == []


def test_a_router_keeps_the_operation_from_a_database(settings: Any) -> None:
    settings.DATABASE_ROUTERS = ["tests.contrib.watching.NoAuthors"]
    assert migrate(Watch("Author"), collect_sql=True) == []
    assert len(migrate(Watch("Unrelated"), collect_sql=True)) == 5
    settings.DATABASE_ROUTERS = ["tests.contrib.watching.Nothing"]
    assert migrate(Renew(), collect_sql=True) == []


def test_the_command_refuses_a_cache_that_lives_in_each_process() -> None:
    with pytest.raises(CommandError, match="lives in each process"):
        call_command("pagecache_listen")


def test_the_command_asks_for_its_driver(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = "django.core.cache.backends.filebased.FileBasedCache"
    settings.CACHES = {"default": {"BACKEND": files, "LOCATION": str(tmp_path)}}
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for name in ("channel", "listening"):
        monkeypatch.delitem(sys.modules, f"pagecache.contrib.triggers.{name}")
    with pytest.raises(CommandError, match="needs psycopg 3"):
        call_command("pagecache_listen")
