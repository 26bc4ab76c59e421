"""What each kind of SQL statement touches; one that has no rule here is refused."""

from collections.abc import Callable

from pagecache.core.sqldefinitions import Defining
from pagecache.core.sqllevel import Level, begins_ctes
from pagecache.core.sqlscan import Boundary
from pagecache.core.sqltext import VENDORS, Group, Item, UnsureError, grouped
from pagecache.core.sqlwords import CATALOG, PRAGMAS

_QUERYING = frozenset({"SELECT", "TABLE", "VALUES", "WITH"})
_WRITING = frozenset({"DELETE", "INSERT", "MERGE", "REPLACE", "UPDATE"})
_EXPLAIN_OPTIONS = frozenset(
    {
        "=",
        "ANALYZE",
        "EXTENDED",
        "FORMAT",
        "JSON",
        "PARTITIONS",
        "PLAN",
        "QUERY",
        "TRADITIONAL",
        "TREE",
        "VERBOSE",
    }
)
_BEGIN_OPTIONS = frozenset(
    """
    , COMMITTED CONSISTENT DEFERRABLE DEFERRED EXCLUSIVE IMMEDIATE ISOLATION LEVEL NOT ONLY READ REPEATABLE
    SERIALIZABLE SNAPSHOT TRANSACTION UNCOMMITTED WITH WORK WRITE
    """.split()
)


class Statements(Defining):
    """All statements that have a rule."""

    is_last = True  # of its text

    def text(self, sql: str) -> None:
        """All statements of a text."""
        if self.vendor not in VENDORS:
            raise UnsureError
        statements = each_statement(grouped(sql, self.vendor))
        for items in statements:
            self.is_last = items is statements[-1]
            self.statement(Level(items, self.vendor))
        self.assigned += [None] * (len(statements) - 1)

    def statement(self, level: Level) -> None:
        """One statement, by its first word."""
        first = level.peek()
        rule = _RULES.get(first.word) if first.sign != "()" else Statements.query
        if first.word in _ENDS and not level.has("TO"):
            begins_again = level.has("CHAIN") or not self.is_last
            self.boundary = Boundary.CONTINUES if begins_again else Boundary.ENDS
        elif first.word in _DEFINES and self.boundary is Boundary.NONE:
            self.boundary = Boundary.COMMITS
        if rule is None or self.vendor not in _ONLY_IN.get(first.word, {self.vendor}):
            raise UnsureError
        rule(self, level)

    def with_(self, level: Level) -> None:
        """WITH ... and the statement that it belongs to."""
        if not begins_ctes(level):
            raise UnsureError
        self.ctes(level)
        self.statement(level)

    def explain(self, level: Level) -> None:
        """EXPLAIN counts as what it explains: with ANALYZE it is run."""
        level.take()
        level.skip(_EXPLAIN_OPTIONS)
        options = level.peek()
        if isinstance(options, Group) and options.items and options.items[0].word not in _QUERYING:
            level.take()
        if level.peek().sign not in _QUERYING | _WRITING | {"()", "CREATE", "DECLARE"}:
            raise UnsureError
        self.statement(level)

    def nothing(self, level: Level) -> None:
        """A statement that touches no data: cursors, locks, notices."""
        level.at = len(level.items)

    def savepoint(self, level: Level) -> None:
        """SAVEPOINT, RELEASE and ROLLBACK TO; a ROLLBACK of all is not for a text to say."""
        if level.is_next("SAVEPOINT"):
            self.boundary = Boundary.SAVES
        if level.accept("ROLLBACK"):
            level.skip(frozenset({"TRANSACTION", "WORK"}))
            if not level.accept("TO"):
                raise UnsureError
        else:
            level.accept("RELEASE")
        level.accept("SAVEPOINT")
        self.identifier(level)
        self.must_end(level)

    def must_end(self, level: Level) -> None:
        """Refuse a statement that goes on."""
        if level.peek().kind != "end":
            raise UnsureError

    def begin(self, level: Level) -> None:
        """BEGIN and START TRANSACTION, but no block of code."""
        if not level.accept("BEGIN") and not level.accept("START", "TRANSACTION"):
            raise UnsureError
        if level.has("SNAPSHOT"):  # it sees all data as it is now
            self.reads.add(CATALOG)
        level.skip(_BEGIN_OPTIONS)
        self.must_end(level)
        self.boundary = Boundary.BEGINS

    def show(self, level: Level) -> None:
        """SHOW of a setting, or of what MySQL knows of its tables."""
        if self.vendor == "mysql":
            self.reads.add(CATALOG)
        self.expressions(level)

    def set(self, level: Level) -> None:
        """SET of the session, but not what runs or commits a statement, or lets one see old data."""
        commits = any("autocommit" in item.raw.lower() for item in level.items)
        if commits or level.is_next("SET", "STATEMENT") or level.has("SNAPSHOT"):
            raise UnsureError
        self.expressions(level)

    def pragma(self, level: Level) -> None:
        """PRAGMA of SQLite, by name."""
        level.take()
        if level.peek(1).sign == ".":
            level.at += 2
        if level.peek().raw.lower() not in PRAGMAS:
            raise UnsureError

    def declare(self, level: Level) -> None:
        """DECLARE ... CURSOR FOR a query."""
        if not level.find("CURSOR") or not level.find("FOR"):
            raise UnsureError
        level.take()
        self.statement(level)


_ENDS = frozenset({"ABORT", "COMMIT", "END", "ROLLBACK"})
_DEFINES = frozenset({"ALTER", "CREATE", "DROP", "RENAME", "TRUNCATE"})

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
    "SHOW": Statements.show,
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
