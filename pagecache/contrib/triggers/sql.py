"""What PostgreSQL runs: triggers of statements, which tell what rows they changed when the transaction commits.

A message is JSON: the verb, the table, the column of its primary key, and `rows`, the keys of the rows that were there
and were changed or deleted: none for an INSERT, null where they are too many or cannot be told.
"""

from collections.abc import Iterator

from pagecache.rows import MOST_WRITTEN

CHANNEL = "pagecache"
FUNCTION = "pagecache_tell"
LONGEST = 7900  # bytes; PostgreSQL takes messages of less than 8000

# No name of a site's column is in the text: a column may be renamed later, and a write must not fail for it.
# A key of a kind that is not told apart (see `rows.KEYS`) stays in the database, whose every user may listen.
BODY = f"""
DECLARE
    key name;
    keys text[];
    message text;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN  -- with every table that refers to it: PostgreSQL takes them all, or refuses
        PERFORM pg_notify('{CHANNEL}', json_build_object('table', relname)::text) FROM pg_class WHERE oid IN (
            WITH RECURSIVE emptied (oid) AS (
                SELECT TG_RELID UNION
                SELECT conrelid FROM pg_constraint JOIN emptied ON confrelid = emptied.oid WHERE contype = 'f'
            ) SELECT oid FROM emptied
        );
        RETURN NULL;
    ELSIF TG_OP = 'INSERT' THEN
        keys := '{{}}';
    ELSIF NOT EXISTS (SELECT FROM pagecache_old) THEN
        RETURN NULL;
    ELSIF (SELECT count(*) FROM (SELECT FROM pagecache_old LIMIT {MOST_WRITTEN + 1}) AS few) <= {MOST_WRITTEN} THEN
        SELECT attname INTO key FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
            WHERE indrelid = TG_RELID AND indisprimary AND indnkeyatts = 1
            AND atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'uuid'::regtype);
        IF key IS NOT NULL THEN
            EXECUTE format(
                CASE TG_OP WHEN 'UPDATE' THEN
                    'SELECT array_agg(key) FROM (SELECT %1$I::text FROM pagecache_old UNION '
                    'SELECT %1$I::text FROM pagecache_new) AS changed (key)'
                ELSE
                    'SELECT array_agg(%1$I::text) FROM pagecache_old'
                END, key
            ) INTO keys;
        END IF;
    END IF;
    message := json_build_object('verb', TG_OP, 'table', TG_TABLE_NAME, 'key', key, 'rows', keys);
    IF octet_length(message) > {LONGEST} THEN
        message := json_build_object('verb', TG_OP, 'table', TG_TABLE_NAME);
    END IF;
    PERFORM pg_notify('{CHANNEL}', message);
    RETURN NULL;
END """  # noqa: S608 all of it is ours

CREATE_FUNCTION = f"""\
CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $${BODY}$$;
"""

# It stays while other tables need it.
DROP_FUNCTION = f"""\
DO $$ BEGIN
    DROP FUNCTION IF EXISTS {FUNCTION}();
EXCEPTION WHEN dependent_objects_still_exist THEN NULL;
END $$;
"""

TRIGGERS = {
    "insert": "",
    "update": "REFERENCING OLD TABLE AS pagecache_old NEW TABLE AS pagecache_new",
    "delete": "REFERENCING OLD TABLE AS pagecache_old",
    "truncate": "",
}

# Which tables have triggers, and whether the function that they call is the one that is made here.
WATCHED = f"""\
SELECT relname, bool_and(prosrc = %s) FROM pg_trigger
JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_proc ON pg_proc.oid = tgfoid
WHERE proname = '{FUNCTION}' GROUP BY relname ORDER BY relname
"""  # noqa: S608 all of it is ours


def create_triggers(table: str) -> Iterator[str]:
    """Yield the statements that watch a table; its name comes quoted."""
    for verb, tables in TRIGGERS.items():
        yield (
            f"CREATE OR REPLACE TRIGGER pagecache_{verb} AFTER {verb.upper()} ON {table} "
            f"{tables} FOR EACH STATEMENT EXECUTE FUNCTION {FUNCTION}()"
        )


def drop_triggers(table: str) -> Iterator[str]:
    """Yield the statements that watch a table no more; its name comes quoted."""
    for verb in TRIGGERS:
        yield f"DROP TRIGGER IF EXISTS pagecache_{verb} ON {table}"
