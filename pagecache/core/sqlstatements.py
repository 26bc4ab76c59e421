"""What each kind of SQL statement touches; one that has no rule here is refused."""

from collections.abc import Callable

from pagecache.core.sqllevel import Level, begins_ctes
from pagecache.core.sqltext import VENDORS, Group, Item, Unsure, grouped
from pagecache.core.sqlwords import PRAGMAS
from pagecache.core.sqlwrites import Writing

_QUERYING = frozenset({"SELECT", "TABLE", "VALUES", "WITH"})
_WRITING = frozenset({"DELETE", "INSERT", "MERGE", "REPLACE", "UPDATE"})
_EXPLAIN_OPTIONS = frozenset(
    "= ANALYZE EXTENDED FORMAT JSON PARTITIONS PLAN QUERY TRADITIONAL TREE VERBOSE".split()
)
_CREATE_OPTIONS = frozenset(
    "GLOBAL LOCAL MATERIALIZED OR REPLACE TEMP TEMPORARY UNIQUE UNLOGGED".split()
)
_DROP_OPTIONS = frozenset("MATERIALIZED TEMPORARY".split())
_HARMLESS_END = frozenset(
    "CONTINUE DATA DROP IDENTITY NO PURGE RESTART RESTRICT REUSE STORAGE WITH".split()
)
_BEGIN_OPTIONS = frozenset(
    """
    , COMMITTED CONSISTENT DEFERRABLE DEFERRED EXCLUSIVE IMMEDIATE ISOLATION LEVEL NOT ONLY READ REPEATABLE
    SERIALIZABLE SNAPSHOT TRANSACTION UNCOMMITTED WITH WORK WRITE
    """.split()
)
# Actions of ALTER TABLE that reach another table, or rows of this one as those of another.
_FAR_ACTIONS = frozenset(
    "ATTACH CASCADE DETACH EXCHANGE INHERIT PARTITION SCHEMA TABLESPACE UNION".split()
)
_PARTS_OF_A_TABLE = frozenset("COLUMN CONSTRAINT INDEX KEY".split())


class Statements(Writing):
    """All statements that have a rule."""

    def text(self, sql: str) -> None:
        """All statements of a text."""
        if self.vendor not in VENDORS:
            raise Unsure
        statements = each_statement(grouped(sql, self.vendor))
        for items in statements:
            self.statement(Level(items, self.vendor))
        self.assigned += [None] * (len(statements) - 1)

    def statement(self, level: Level) -> None:
        first = level.peek()
        rule = _RULES.get(first.word) if first.sign != "()" else Statements.query
        if rule is None or self.vendor not in _ONLY_IN.get(first.word, {self.vendor}):
            raise Unsure
        rule(self, level)

    def with_(self, level: Level) -> None:
        """WITH ... and the statement that it belongs to."""
        if not begins_ctes(level):
            raise Unsure
        self.ctes(level)
        self.statement(level)

    def explain(self, level: Level) -> None:
        """EXPLAIN counts as what it explains: with ANALYZE it is run."""
        level.take()
        level.skip(_EXPLAIN_OPTIONS)
        options = level.peek()
        if isinstance(options, Group) and options.items and options.items[0].word not in _QUERYING:
            level.take()
        if level.peek().word not in _QUERYING | _WRITING | {"()", "CREATE", "DECLARE"}:
            raise Unsure
        self.statement(level)

    # Tables themselves

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
            raise Unsure
        level.accept("IF", "EXISTS")
        self.names(level)

    def refresh(self, level: Level) -> None:
        """REFRESH MATERIALIZED VIEW."""
        if not level.accept("REFRESH", "MATERIALIZED", "VIEW"):
            raise Unsure
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
            raise Unsure

    def index(self, level: Level) -> None:
        """The table of an index."""
        if not level.find("ON"):
            raise Unsure
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
            raise Unsure
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
                raise Unsure
            self.written(level)
            if not level.accept(","):
                break
        self.opaque |= level.peek().kind != "end"

    # Session

    def nothing(self, level: Level) -> None:
        """A statement that touches no data: cursors, locks, notices."""
        level.at = len(level.items)

    def savepoint(self, level: Level) -> None:
        """SAVEPOINT, RELEASE and ROLLBACK TO; a ROLLBACK of all is not for a text to say."""
        if level.accept("ROLLBACK"):
            level.skip(frozenset({"TRANSACTION", "WORK"}))
            if not level.accept("TO"):
                raise Unsure
        else:
            level.accept("RELEASE")
        level.accept("SAVEPOINT")
        self.identifier(level)
        self.must_end(level)

    def must_end(self, level: Level) -> None:
        """Refuse a statement that goes on."""
        if level.peek().kind != "end":
            raise Unsure

    def begin(self, level: Level) -> None:
        """BEGIN and START TRANSACTION, but no block of code."""
        if not level.accept("BEGIN") and not level.accept("START", "TRANSACTION"):
            raise Unsure
        level.skip(_BEGIN_OPTIONS)
        self.must_end(level)

    def set(self, level: Level) -> None:
        """SET of the session, but not what runs or commits a statement."""
        commits = any("autocommit" in item.raw.lower() for item in level.items)
        if commits or level.is_next("SET", "STATEMENT"):
            raise Unsure
        self.expressions(level)

    def pragma(self, level: Level) -> None:
        """PRAGMA of SQLite, by name."""
        level.take()
        if level.peek(1).sign == ".":
            level.at += 2
        if level.peek().raw.lower() not in PRAGMAS:
            raise Unsure

    def declare(self, level: Level) -> None:
        """DECLARE ... CURSOR FOR a query."""
        if not level.find("CURSOR") or not level.find("FOR"):
            raise Unsure
        level.take()
        self.statement(level)


_RULES: dict[str, Callable[[Statements, Level], None]] = {
    "ALTER": Statements.alter,
    "BEGIN": Statements.begin,
    "CLOSE": Statements.nothing,
    "COPY": Statements.copy,
    "CREATE": Statements.create,
    "DECLARE": Statements.declare,
    "DELETE": Statements.delete,
    "DESC": Statements.explain,
    "DESCRIBE": Statements.explain,
    "DROP": Statements.drop,
    "EXPLAIN": Statements.explain,
    "FETCH": Statements.nothing,
    "INSERT": Statements.insert,
    "LISTEN": Statements.nothing,
    "LOAD": Statements.load,
    "LOCK": Statements.nothing,
    "MERGE": Statements.merge,
    "MOVE": Statements.nothing,
    "NOTIFY": Statements.nothing,
    "PRAGMA": Statements.pragma,
    "REFRESH": Statements.refresh,
    "RELEASE": Statements.savepoint,
    "RENAME": Statements.rename,
    "REPLACE": Statements.insert,
    "RESET": Statements.nothing,
    "ROLLBACK": Statements.savepoint,
    "SAVEPOINT": Statements.savepoint,
    "SELECT": Statements.query,
    "SET": Statements.set,
    "SHOW": Statements.expressions,
    "START": Statements.begin,
    "TABLE": Statements.query,
    "TRUNCATE": Statements.truncate,
    "UNLISTEN": Statements.nothing,
    "UPDATE": Statements.update,
    "VALUES": Statements.query,
    "WITH": Statements.with_,
}

_ONLY_IN = {
    "COPY": {"postgresql"},
    "DECLARE": {"postgresql"},
    "LISTEN": {"postgresql"},
    "LOAD": {"mysql"},
    "LOCK": {"oracle", "postgresql"},
    "MOVE": {"postgresql"},
    "NOTIFY": {"postgresql"},
    "PRAGMA": {"sqlite"},
    "RESET": {"postgresql"},
    "UNLISTEN": {"postgresql"},
}


def each_statement(items: tuple[Item, ...]) -> list[tuple[Item, ...]]:
    """The statements of a text, without empty ones."""
    statements: list[list[Item]] = [[]]
    for item in items:
        if item.sign == ";":
            statements.append([])
        else:
            statements[-1].append(item)
    return [tuple(one) for one in statements if one]
