"""Which tables the statements of SQL touch that make, change and drop tables."""

from pagecache.core.sqllevel import Level
from pagecache.core.sqltext import Group, UnsureError
from pagecache.core.sqlwrites import Writing

_QUERYING = frozenset({"SELECT", "TABLE", "VALUES", "WITH"})
_CREATE_OPTIONS = frozenset(
    {"GLOBAL", "LOCAL", "MATERIALIZED", "OR", "REPLACE", "TEMP", "TEMPORARY", "UNIQUE", "UNLOGGED"}
)
_DROP_OPTIONS = frozenset({"MATERIALIZED", "TEMPORARY"})
_HARMLESS_END = frozenset(
    {
        "CONTINUE",
        "DATA",
        "DROP",
        "IDENTITY",
        "NO",
        "PURGE",
        "RESTART",
        "RESTRICT",
        "REUSE",
        "STORAGE",
        "WITH",
    }
)
_PARTS_OF_A_TABLE = frozenset({"COLUMN", "CONSTRAINT", "INDEX", "KEY"})
# Actions of ALTER TABLE that reach another table, or move rows between tables.
_FAR_ACTIONS = frozenset(
    {
        "ATTACH",
        "CASCADE",
        "DETACH",
        "EXCHANGE",
        "INHERIT",
        "PARTITION",
        "SCHEMA",
        "TABLESPACE",
        "UNION",
    }
)


class Defining(Writing):
    """CREATE, ALTER, DROP, RENAME, TRUNCATE and REFRESH."""

    def names(self, level: Level) -> None:
        """A list of tables that are written, and nothing after it that reaches further."""
        while True:
            self.prefix(level)
            self.written(level)
            level.accept("*")
            if not level.accept(","):
                break
        level.skip(_HARMLESS_END)
        self.opaque |= level.peek().kind != "end"

    def truncate(self, level: Level) -> None:
        """TRUNCATE [TABLE] a, b."""
        level.take()
        level.accept("TABLE")
        self.names(level)

    def drop(self, level: Level) -> None:
        """DROP TABLE or VIEW."""
        level.take()
        level.skip(_DROP_OPTIONS)
        if not (level.accept("TABLE") or level.accept("VIEW")):
            raise UnsureError
        level.accept("IF", "EXISTS")
        self.names(level)

    def refresh(self, level: Level) -> None:
        """REFRESH MATERIALIZED VIEW."""
        if not level.accept("REFRESH", "MATERIALIZED", "VIEW"):
            raise UnsureError
        level.accept("CONCURRENTLY")
        self.names(level)

    def create(self, level: Level) -> None:
        """CREATE TABLE, VIEW or INDEX."""
        level.take()
        level.skip(_CREATE_OPTIONS)
        if level.accept("INDEX"):
            self.index(level)
        elif level.accept("TABLE") or level.accept("VIEW"):
            level.accept("IF", "NOT", "EXISTS")
            self.written(level)
            self.filled_by(level)
        else:
            raise UnsureError

    def index(self, level: Level) -> None:
        """The table of an index."""
        if not level.find("ON"):
            raise UnsureError
        level.take()
        self.prefix(level)
        self.written(level)

    def filled_by(self, level: Level) -> None:
        """The query after AS, or without AS in MySQL, that fills a new table."""
        while level.peek().kind != "end":
            item = level.take()
            if isinstance(item, Group) and item.items and item.items[0].word in _QUERYING:
                self.inside(item, level.ctes)
            elif item.word == "AS":
                self.statement(level)
            elif item.word in {"SELECT", "TABLE"}:
                level.at -= 1
                self.query(level)

    def alter(self, level: Level) -> None:
        """ALTER TABLE; ALTER SESSION of Oracle sets what SET sets elsewhere."""
        level.take()
        if level.accept("SESSION", "SET") and self.vendor == "oracle":
            return
        if not level.accept("TABLE"):
            raise UnsureError
        level.accept("IF", "EXISTS")
        self.prefix(level)
        self.written(level)
        self.opaque |= any(item.word in _FAR_ACTIONS for item in level.items)
        self.new_names(level)
        self.expressions(level)

    def new_names(self, level: Level) -> None:
        """What ALTER TABLE renames the table to."""
        start = level.at
        while level.find("RENAME"):
            level.take()
            level.skip(frozenset({"=", "AS", "TO"}))
            if level.peek().word not in _PARTS_OF_A_TABLE:
                self.written(level)
        level.at = start

    def rename(self, level: Level) -> None:
        """RENAME TABLE a TO b, c TO d."""
        level.take()
        level.accept("TABLE")
        while True:
            self.written(level)
            if not level.accept("TO"):
                raise UnsureError
            self.written(level)
            if not level.accept(","):
                break
        self.opaque |= level.peek().kind != "end"
