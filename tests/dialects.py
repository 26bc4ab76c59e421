"""Ways of writing that each database has of its own, and names that show the rows of others."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """A query, and what changes its answer: texts of SQL, between those that make and unmake what they need."""

    read: str  # several texts with `; ` between them
    write: Sequence[str]
    made: Sequence[str] = ()
    unmade: Sequence[str] = ()
    aliases: Mapping[str, Sequence[str]] = field(default_factory=dict)
    drops_site: bool = False  # the tables cannot be known from the text


AUTHORS = "SELECT name, country FROM library_author ORDER BY id"
TO_BELGIUM = "UPDATE library_author SET country = 'be'"
FRENCH = "CREATE VIEW french AS SELECT id, name, country FROM library_author WHERE country = 'fr'"
SHOW_FRENCH = "SELECT name FROM french"
NO_FRENCH = ("DROP VIEW IF EXISTS french",)

TOTALS = "CREATE TABLE totals (authors integer)"
NO_AUTHORS = "INSERT INTO totals VALUES (0)"
SHOW_TOTALS = "SELECT authors FROM totals"
DROP_TOTALS = "DROP TABLE IF EXISTS totals"
COUNTING = "UPDATE totals SET authors = authors + 1"
WILLY = "INSERT INTO library_author (name, country) VALUES ('Willy', 'ch')"

ROOMS = "CREATE TABLE room (id integer PRIMARY KEY)"
SEATS = (
    "CREATE TABLE seat (room_id integer, CONSTRAINT in_room FOREIGN KEY (room_id)"
    " REFERENCES room (id) ON DELETE CASCADE ON UPDATE CASCADE)"
)
FURNISHED = (ROOMS, SEATS, "INSERT INTO room VALUES (1)", "INSERT INTO seat VALUES (1)")
EMPTY = ("DROP TABLE IF EXISTS seat", "DROP TABLE IF EXISTS room")
SHOW_SEATS = "SELECT room_id FROM seat"
SEATS_IN_ROOMS = {"seat": ["room"]}

PAIR = "INSERT INTO library_author (id, name, country) VALUES (1001, 'A', 'fr'), (1002, 'B', 'fr')"
SHOW_ONE = "SELECT id, country FROM library_author WHERE id = 1001"
MOVE_OTHER = "UPDATE library_author SET country = 'be' WHERE id = 1002"
MOVE_ONE = "UPDATE library_author SET country = 'be' WHERE id = 1001"

EVERYWHERE = {
    "a view of what is written": Case(
        SHOW_FRENCH, [TO_BELGIUM], [FRENCH], NO_FRENCH, {"french": ["library_author"]}
    ),
    "a view of a view": Case(
        "SELECT n FROM counted",
        [TO_BELGIUM],
        [FRENCH, "CREATE VIEW counted AS SELECT count(*) AS n FROM french"],
        ["DROP VIEW IF EXISTS counted", *NO_FRENCH],
        {"french": ["library_author"], "counted": ["french"]},
    ),
    "rows that fall by a key of the site's own SQL": Case(
        SHOW_SEATS, ["DELETE FROM room"], FURNISHED, EMPTY, SEATS_IN_ROOMS
    ),
    "rows that follow a key of the site's own SQL": Case(
        SHOW_SEATS, ["UPDATE room SET id = 2"], FURNISHED, EMPTY, SEATS_IN_ROOMS
    ),
    "a table that takes another's name": Case(
        "SELECT * FROM room",
        ["DROP TABLE room", "ALTER TABLE newer RENAME TO room"],
        [ROOMS, "CREATE TABLE newer (id integer)", "INSERT INTO newer VALUES (7)"],
        ["DROP TABLE IF EXISTS room"],
    ),
    "a table that is made again from a query": Case(
        "SELECT * FROM room",
        ["DROP TABLE room", "CREATE TABLE room AS SELECT 7 AS id"],
        [ROOMS],
        ["DROP TABLE IF EXISTS room"],
    ),
    "a column that is dropped": Case(
        "SELECT * FROM totals",
        ["ALTER TABLE totals DROP COLUMN more"],
        ["CREATE TABLE totals (authors integer, more integer)", NO_AUTHORS.replace("0", "0, 1")],
        [DROP_TOTALS],
    ),
}

SQLITE = {
    "a trigger that changes another row of its table": Case(
        SHOW_ONE,
        [MOVE_OTHER],
        [
            PAIR,
            (
                "CREATE TRIGGER follows AFTER UPDATE ON library_author WHEN new.id = 1002"
                f" BEGIN {MOVE_ONE}; END"
            ),
        ],
        ["DROP TRIGGER IF EXISTS follows"],
        {"library_author": ["library_author"]},
    ),
    "a trigger": Case(
        SHOW_TOTALS,
        [WILLY],
        [
            TOTALS,
            NO_AUTHORS,
            f"CREATE TRIGGER counts AFTER INSERT ON library_author BEGIN {COUNTING}; END",
        ],
        ["DROP TRIGGER IF EXISTS counts", DROP_TOTALS],
        {"totals": ["library_author"]},
    ),
    "a view that a trigger writes through": Case(
        AUTHORS,
        ["UPDATE french SET country = 'be'"],
        [
            FRENCH,
            (
                "CREATE TRIGGER moves INSTEAD OF UPDATE ON french BEGIN"
                " UPDATE library_author SET country = new.country WHERE id = old.id; END"
            ),
        ],
        NO_FRENCH,
        {"french": ["library_author"]},
    ),
    "another database file": Case(
        "SELECT * FROM other.room",
        ["INSERT INTO room VALUES (1)"],
        ["ATTACH DATABASE ':memory:' AS other", "CREATE TABLE other.room (id integer)"],
    ),
    "the file's own name": Case(AUTHORS, ["UPDATE main.library_author SET country = 'be'"]),
    "insert or replace": Case(
        AUTHORS, ["INSERT OR REPLACE INTO library_author SELECT id, 'X', 'be' FROM library_author"]
    ),
    "an upsert": Case(
        AUTHORS,
        [
            (
                "INSERT INTO library_author (id, name, country) SELECT id, name, 'be' FROM library_author"
                " WHERE true ON CONFLICT (id) DO UPDATE SET country = excluded.country"
            )
        ],
    ),
    "update from": Case(
        AUTHORS,
        [
            (
                "UPDATE library_author SET country = 'be' FROM library_article AS a"
                " WHERE a.author_id = library_author.id"
            )
        ],
    ),
    "a search index over another table": Case(
        "SELECT name FROM found WHERE found MATCH 'Willy'",
        [WILLY],
        [
            "CREATE VIRTUAL TABLE found USING fts5(name, content='library_author', content_rowid='id')",
            (
                "CREATE TRIGGER finds AFTER INSERT ON library_author BEGIN"
                " INSERT INTO found (rowid, name) VALUES (new.id, new.name); END"
            ),
        ],
        ["DROP TRIGGER IF EXISTS finds", "DROP TABLE IF EXISTS found"],
        {"found": ["library_author"]},
    ),
}

EVENTS = (
    "CREATE TABLE event (day integer, name text) PARTITION BY RANGE (day)",
    "CREATE TABLE event_old PARTITION OF event FOR VALUES FROM (0) TO (10)",
    "CREATE TABLE event_new PARTITION OF event FOR VALUES FROM (10) TO (20)",
    "INSERT INTO event VALUES (1, 'a'), (11, 'b')",
)
NO_EVENTS = ("DROP TABLE IF EXISTS event, event_old, event_new, event_later CASCADE",)
IN_EVENT = {"event_old": ["event"], "event_new": ["event"]}
SHOW_EVENTS = "SELECT * FROM event ORDER BY day"
SHOW_OLD = "SELECT * FROM event_old ORDER BY day"
SHELF = ("CREATE SCHEMA other", 'CREATE TABLE other.shelf (id integer, "Label" text)')
NO_SHELF = ("RESET search_path", "DROP SCHEMA IF EXISTS other CASCADE")
SHOW_SHELF = 'SELECT * FROM "other"."shelf"'
KEPT = (
    "CREATE MATERIALIZED VIEW kept AS SELECT id, country FROM library_author",
    "CREATE UNIQUE INDEX kept_id ON kept (id)",
)
NO_KEPT = ("DROP MATERIALIZED VIEW IF EXISTS kept",)
MERGE = (
    "MERGE INTO library_author AS a USING (VALUES ('Colette'), ('Willy')) AS n (name)"
    " ON a.name = n.name"
)


def merged(*actions: str) -> Case:
    return Case(AUTHORS, [" ".join([MERGE, *actions])])


def of_events(read: str, *write: str, drops_site: bool = False) -> Case:
    return Case(read, write, EVENTS, NO_EVENTS, IN_EVENT, drops_site)


POSTGRESQL = {
    "merge that updates": merged("WHEN MATCHED THEN UPDATE SET country = 'be'"),
    "merge that inserts": merged(
        "WHEN MATCHED THEN DO NOTHING",
        "WHEN NOT MATCHED THEN INSERT (name, country) OVERRIDING SYSTEM VALUE VALUES (n.name, 'ch')",
    ),
    "merge that deletes": Case(
        "SELECT text FROM library_comment",
        [
            ("MERGE INTO ONLY library_comment AS c USING library_article AS a ON c.article_id = a.id"
            " WHEN MATCHED AND a.slug = 'gigi' THEN DELETE")
        ],
        [
            "INSERT INTO library_comment (article_id, text) SELECT id, 'Fine.' FROM library_article",
        ],
    ),
    "merge behind a query": Case(
        AUTHORS,
        [
            ("WITH n AS (SELECT id FROM library_author) MERGE INTO library_author a USING n"
            " ON a.id = n.id WHEN MATCHED THEN UPDATE SET country = 'be'")
        ],
    ),
    "a partition, read through its table": of_events(
        SHOW_EVENTS, "INSERT INTO event_old VALUES (2, 'c')"
    ),
    "a partition, written through its table": of_events(
        SHOW_OLD, "INSERT INTO event VALUES (2, 'c')"
    ),
    "a row that moves to another partition": of_events(SHOW_OLD, "UPDATE event SET day = 15"),
    "a row that moves out of its partition": of_events(SHOW_EVENTS, "DELETE FROM event_new"),
    "a partition that is emptied": of_events(SHOW_EVENTS, "TRUNCATE event_old"),
    "a partition that is dropped": of_events(SHOW_EVENTS, "DROP TABLE event_old"),
    "a partition that takes the rows of a query": of_events(
        SHOW_EVENTS,
        "CREATE TABLE event_later AS SELECT 3 AS day, 'd' AS name",
        "INSERT INTO event_old SELECT * FROM event_later",
    ),
    "a partition that is detached": of_events(
        SHOW_EVENTS, "ALTER TABLE event DETACH PARTITION event_old",
        drops_site=True,
    ),
    "a partition that is attached": Case(
        SHOW_EVENTS,
        ["ALTER TABLE event ATTACH PARTITION event_later FOR VALUES FROM (20) TO (30)"],
        [
            *EVENTS,
            "CREATE TABLE event_later (LIKE event)",
            "INSERT INTO event_later VALUES (21, 'z')",
        ],
        NO_EVENTS,
        drops_site=True,
    ),
    "a table that inherits": Case(
        "SELECT * FROM room",
        ["INSERT INTO hall VALUES (1)"],
        [ROOMS, "CREATE TABLE hall () INHERITS (room)"],
        ["DROP TABLE IF EXISTS hall, room"],
        {"hall": ["room"]},
    ),
    "a schema that is found by search_path": Case(
        SHOW_SHELF,
        ["SET search_path TO other", "INSERT INTO shelf VALUES (1, 'x')"],
        SHELF,
        NO_SHELF,
    ),
    "a schema that is named": Case(
        "SELECT * FROM shelf",
        ["INSERT INTO OTHER.Shelf VALUES (1, 'x')"],
        [*SHELF, "SET search_path TO other, public"],
        NO_SHELF,
    ),
    "a table that changes its schema": Case(
        SHOW_SHELF,
        ["DROP TABLE other.shelf", "ALTER TABLE shelf SET SCHEMA other"],
        [*SHELF, "CREATE TABLE shelf (id integer, other integer)"],
        [*NO_SHELF, "DROP TABLE IF EXISTS shelf"],
        drops_site=True,
    ),
    "a schema that takes another's name": Case(
        SHOW_SHELF,
        ["ALTER SCHEMA other RENAME TO older", "ALTER SCHEMA newer RENAME TO other"],
        [*SHELF, "CREATE SCHEMA newer", "CREATE TABLE newer.shelf AS SELECT 7 AS id"],
        [*NO_SHELF, "DROP SCHEMA IF EXISTS older CASCADE", "DROP SCHEMA IF EXISTS newer CASCADE"],
        drops_site=True,
    ),
    "a materialized view": Case(
        "SELECT * FROM kept ORDER BY id", [TO_BELGIUM, "REFRESH MATERIALIZED VIEW kept"], KEPT, NO_KEPT
    ),
    "a materialized view, concurrently": Case(
        "SELECT * FROM kept ORDER BY id",
        [TO_BELGIUM, "REFRESH MATERIALIZED VIEW CONCURRENTLY public.kept WITH DATA"],
        KEPT,
        NO_KEPT,
    ),
    "a trigger": Case(
        SHOW_TOTALS,
        [WILLY],
        [
            TOTALS,
            NO_AUTHORS,
            (f"CREATE FUNCTION count_one() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {COUNTING};"
            " RETURN new; END $$"),
            ("CREATE TRIGGER counts AFTER INSERT ON library_author"
            " FOR EACH ROW EXECUTE FUNCTION count_one()"),
        ],
        ["DROP FUNCTION IF EXISTS count_one CASCADE", DROP_TOTALS],
        {"totals": ["library_author"]},
    ),
    "a trigger that changes another row of its table": Case(
        SHOW_ONE,
        [MOVE_OTHER],
        [
            PAIR,
            ("CREATE FUNCTION move_one() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN {MOVE_ONE}; RETURN new; END $$"),
            ("CREATE TRIGGER follows AFTER UPDATE ON library_author FOR EACH ROW"
            " WHEN (new.id = 1002) EXECUTE FUNCTION move_one()"),
        ],
        ["DROP FUNCTION IF EXISTS move_one CASCADE"],
        {"library_author": ["library_author"]},
    ),
    "a rule": Case(
        SHOW_TOTALS,
        [WILLY],
        [
            TOTALS,
            NO_AUTHORS,
            f"CREATE RULE counts AS ON INSERT TO library_author DO ALSO {COUNTING}",
        ],
        ["DROP RULE IF EXISTS counts ON library_author", DROP_TOTALS],
        {"totals": ["library_author"]},
    ),
    "a view that is written through": Case(
        AUTHORS,
        ["UPDATE french SET country = 'be'"],
        [FRENCH],
        NO_FRENCH,
        {"french": ["library_author"]},
    ),
    "a query that deletes": Case(
        AUTHORS,
        [
            ("WITH gone AS (DELETE FROM library_article_tags RETURNING *), moved AS"
            " (UPDATE library_author SET country = 'be' RETURNING id) SELECT * FROM moved")
        ],
    ),
    "a truncate that cascades": Case(
        SHOW_SEATS, ["TRUNCATE room CASCADE"], FURNISHED, EMPTY,
        drops_site=True,
    ),
    "a block of code": Case(AUTHORS, [f"DO $$ BEGIN {TO_BELGIUM}; END $$"], drops_site=True),
    "a function in a query": Case(
        AUTHORS,
        ["SELECT move_out() AS moved"],
        [f"CREATE FUNCTION move_out() RETURNS void LANGUAGE sql AS $$ {TO_BELGIUM} $$"],
        ["DROP FUNCTION IF EXISTS move_out"],
        drops_site=True,
    ),
    "a procedure": Case(
        AUTHORS,
        ["CALL move_out()"],
        [f"CREATE PROCEDURE move_out() LANGUAGE sql AS $$ {TO_BELGIUM} $$"],
        ["DROP PROCEDURE IF EXISTS move_out"],
        drops_site=True,
    ),
    "a prepared statement": Case(
        AUTHORS, ["EXECUTE moving"], [f"PREPARE moving AS {TO_BELGIUM}"],
        drops_site=True,
    ),
    "update where a cursor is": Case(
        AUTHORS,
        [
            "BEGIN",
            "DECLARE here CURSOR FOR SELECT * FROM library_author FOR UPDATE",
            "FETCH NEXT FROM here",
            f"{TO_BELGIUM} WHERE CURRENT OF here",
            "COMMIT",
        ],
        drops_site=True,
    ),
    "what a cursor of the site's own SQL shows": Case(
        "DECLARE here CURSOR WITH HOLD FOR SELECT * FROM library_author; FETCH ALL FROM here",
        ["CLOSE here", TO_BELGIUM],
        unmade=["CLOSE ALL"],
    ),
    "delete using": Case(
        "SELECT count(*) FROM library_article",
        ["DELETE FROM library_article a USING library_author b WHERE a.author_id = b.id"],
    ),
    "a transaction that goes on in another": Case(
        AUTHORS, ["BEGIN", TO_BELGIUM, "COMMIT AND CHAIN", "ROLLBACK"], drops_site=True
    ),
}  # fmt: skip

YEARS = (
    (
        "CREATE TABLE event (day integer, name varchar(9)) PARTITION BY RANGE (day)"
        " (PARTITION old VALUES LESS THAN (10), PARTITION new VALUES LESS THAN (20))"
    ),
    "INSERT INTO event VALUES (1, 'a'), (11, 'b')",
)
NO_YEARS = ("DROP TABLE IF EXISTS event, event_later",)


def of_years(write: str, read: str = SHOW_EVENTS, *, drops_site: bool = False) -> Case:
    return Case(read, [write], YEARS, NO_YEARS, drops_site=drops_site)


BESIDE = f"pagecache_{os.getpid()}_other"  # a database of this session
OTHER = (f"CREATE DATABASE {BESIDE}", f"CREATE TABLE {BESIDE}.shelf (id integer)")
NO_OTHER = (f"DROP DATABASE IF EXISTS {BESIDE}",)

MYSQL = {
    "a partition that is inserted into": of_years("INSERT INTO event PARTITION (old) VALUES (2, 'c')"),
    "a partition that is updated": of_years("UPDATE event PARTITION (old, new) SET name = 'c'"),
    "a partition that is deleted from": of_years("DELETE FROM event PARTITION (old)"),
    "a partition that is replaced into": of_years("REPLACE INTO event PARTITION (old) VALUES (2, 'c')"),
    "a partition that is emptied": of_years("ALTER TABLE event TRUNCATE PARTITION old", drops_site=True),
    "a partition that is dropped": of_years("ALTER TABLE event DROP PARTITION old", drops_site=True),
    "a partition that is read": of_years(
        "INSERT INTO event VALUES (2, 'c')", "SELECT * FROM event PARTITION (old) AS e"
    ),
    "a partition that is exchanged": Case(
        SHOW_EVENTS,
        ["ALTER TABLE event EXCHANGE PARTITION old WITH TABLE event_later"],
        [*YEARS, "CREATE TABLE event_later (day integer, name varchar(9))"],
        NO_YEARS,
        drops_site=True,
    ),
    "the table that is exchanged": Case(
        "SELECT * FROM event_later",
        ["ALTER TABLE event EXCHANGE PARTITION old WITH TABLE event_later"],
        [*YEARS, "CREATE TABLE event_later (day integer, name varchar(9))"],
        NO_YEARS,
        drops_site=True,
    ),
    "another database": Case(
        f"SELECT * FROM {BESIDE}.shelf",
        [f"INSERT INTO `{BESIDE}` . `shelf` VALUES (1)"],
        OTHER,
        NO_OTHER,
    ),
    "another database that is in use": Case(
        f"SELECT * FROM {BESIDE}.shelf",
        [f"USE {BESIDE}", "INSERT INTO shelf VALUES (1)"],
        OTHER,
        NO_OTHER,
        drops_site=True,
    ),
    "a table that moves to another database": Case(
        f"SELECT * FROM {BESIDE}.shelf",
        [f"DROP TABLE {BESIDE}.shelf", f"RENAME TABLE room TO {BESIDE}.shelf"],
        [*OTHER, ROOMS, "INSERT INTO room VALUES (1)"],
        [*NO_OTHER, "DROP TABLE IF EXISTS room"],
    ),
    "update of two tables": Case(
        AUTHORS,
        [
            ("UPDATE library_article a, library_author b SET a.views = 1, b.country = 'be'"
            " WHERE a.author_id = b.id")
        ],
    ),
    "delete from one of two tables by its alias": Case(
        "SELECT count(*) FROM library_article",
        ["DELETE a FROM library_article AS a JOIN library_author AS b ON a.author_id = b.id"],
    ),
    "an upsert": Case(
        AUTHORS,
        [
            ("INSERT INTO library_author (id, name, country) SELECT id, name, 'be'"
            " FROM library_author AS b ON DUPLICATE KEY UPDATE country = VALUES(country)")
        ],
    ),
    "insert by names": Case(AUTHORS, ["INSERT INTO library_author SET name = 'Willy', country = 'ch'"]),
    "insert that returns": Case(AUTHORS, [f"{WILLY} RETURNING id"]),
    "a comment that is run": Case(AUTHORS, [f"/*! {TO_BELGIUM} */"], drops_site=True),
    "truncate without its second word": Case(
        SHOW_TOTALS, ["TRUNCATE totals"], [TOTALS, NO_AUTHORS], [DROP_TOTALS]
    ),
    "tables that swap their names": Case(
        "SELECT * FROM room",
        ["RENAME TABLE room TO newer, totals TO room"],
        [TOTALS, NO_AUTHORS, ROOMS],
        ["DROP TABLE IF EXISTS newer, room", DROP_TOTALS],
    ),
    "a table that replaces another": Case(
        "SELECT * FROM room",
        ["CREATE OR REPLACE TABLE room SELECT 7 AS id"],
        [ROOMS],
        ["DROP TABLE IF EXISTS room"],
    ),
    "a trigger": Case(
        SHOW_TOTALS,
        [WILLY],
        [
            TOTALS,
            NO_AUTHORS,
            f"CREATE TRIGGER counts AFTER INSERT ON library_author FOR EACH ROW {COUNTING}",
        ],
        ["DROP TRIGGER IF EXISTS counts", DROP_TOTALS],
        {"totals": ["library_author"]},
    ),
    "a view that is written through": Case(
        AUTHORS,
        ["UPDATE french SET country = 'be'"],
        [FRENCH],
        NO_FRENCH,
        {"french": ["library_author"]},
    ),
    "a procedure": Case(
        AUTHORS,
        ["CALL move_out()"],
        [f"CREATE PROCEDURE move_out() {TO_BELGIUM}"],
        ["DROP PROCEDURE IF EXISTS move_out"],
        drops_site=True,
    ),
    "a block of code": Case(AUTHORS, [f"BEGIN NOT ATOMIC {TO_BELGIUM}; END"], drops_site=True),
    "a prepared statement": Case(
        AUTHORS, ["EXECUTE moving"], [f"PREPARE moving FROM '{TO_BELGIUM.replace(chr(39), chr(39) * 2)}'"],
        drops_site=True,
    ),
    "statements that are run at once": Case(AUTHORS, [f'EXECUTE IMMEDIATE "{TO_BELGIUM}"'], drops_site=True),
}  # fmt: skip

DIALECTS = {"sqlite": SQLITE, "postgresql": POSTGRESQL, "mysql": MYSQL}
