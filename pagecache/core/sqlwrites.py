"""Which tables the writing statements of SQL touch."""

from pagecache.core.sqllevel import Level
from pagecache.core.sqltables import Query
from pagecache.core.sqltext import Group, UnsureError, column_name, table_name

_MODIFIERS = frozenset({"DELAYED", "HIGH_PRIORITY", "IGNORE", "LOW_PRIORITY", "QUICK"})
_UPSERTS = ("CONFLICT", "DUPLICATE")
_LOOKS_AT_ROWS = (*_UPSERTS, "RETURNING")


class Writing(Query):
    """INSERT, REPLACE, UPDATE, DELETE, MERGE, COPY and LOAD.

    `assigned` holds for each of them that was seen the columns that it sets in rows that were there, None where these
    are not all plain.
    """

    def __init__(self, vendor: str, routines: frozenset[str]) -> None:
        super().__init__(vendor, routines)
        self.assigned: list[frozenset[str] | None] = []

    def expressions(self, level: Level) -> None:
        """The rest of a level, where no list of tables can be."""
        while level.peek().kind != "end":
            self.step(level)

    def written(self, level: Level) -> str:
        """The next name as a table that is written."""
        name = table_name(self.chain(level)[-1].raw)
        self.writes.add(name)
        return name

    def insert(self, level: Level) -> None:
        """INSERT and REPLACE."""
        replaces = level.take().word != "INSERT" or self.on_failure(level)
        upserts = any(level.has(word) for word in _UPSERTS)
        self.assigned.append(None if replaces or upserts else frozenset())
        level.skip(_MODIFIERS)
        level.accept("INTO")
        self.reads |= {self.written(level)} & self.looked_at(level)
        self.insert_columns(level)
        level.stops = frozenset({"upsert"})
        self.query(level)

    def looked_at(self, level: Level) -> set[str]:
        """The written tables, if the text makes use of rows that were there."""
        return self.writes if any(level.has(word) for word in _LOOKS_AT_ROWS) else set()

    def insert_columns(self, level: Level) -> None:
        """[PARTITION (...)] [AS alias] [(columns)]."""
        if level.is_next("PARTITION", "()"):
            self.through_group(level)
        if level.accept("AS"):
            self.identifier(level)
        if level.peek().sign == "()":
            self.step(level)

    def on_failure(self, level: Level) -> bool:
        """SQLite's OR REPLACE and the like, which may delete other rows."""
        return level.accept("OR") and bool(level.take())

    def update(self, level: Level) -> None:
        """UPDATE of one table or of several."""
        level.take()
        deletes = self.on_failure(level)
        level.skip(_MODIFIERS)
        level.stops = frozenset({"SET"})
        self.tables(level, target=True)
        if not level.accept("SET"):
            raise UnsureError
        level.stops = frozenset()
        self.assigned.append(None if deletes else plain_columns(level))
        self.query(level, listing=True)

    def delete(self, level: Level) -> None:
        """DELETE from one table or from several, which MySQL may name by an alias."""
        self.assigned.append(None)
        level.take()
        level.skip(_MODIFIERS)
        several = self.vendor == "mysql"
        if not level.accept("FROM"):
            if several and not (level.find("FROM") and level.take()):
                raise UnsureError
        else:
            level.stops = frozenset({"USING"})
        self.tables(level, target=True)
        level.stops = frozenset()
        if level.accept("USING"):
            self.tables(level, target=several)
        self.query(level)

    def merge(self, level: Level) -> None:
        """MERGE INTO t USING ..."""
        self.assigned.append(None)
        level.take()
        level.accept("INTO")
        self.table(level, target=True)
        if not level.accept("USING"):
            raise UnsureError
        self.table(level)
        self.query(level)

    def copy(self, level: Level) -> None:
        """COPY of PostgreSQL: in, out, or out of a query."""
        level.take()
        source = level.peek()
        if isinstance(source, Group):
            self.step(level)
        else:
            self.copied(level)
        self.expressions(level)

    def copied(self, level: Level) -> None:
        """A table that COPY fills or reads."""
        names = self.chain(level)
        self.insert_columns(level)
        if level.peek().word not in {"FROM", "TO"}:
            raise UnsureError
        touched = self.writes if level.take().word == "FROM" else self.reads
        touched.add(table_name(names[-1].raw))

    def load(self, level: Level) -> None:
        """LOAD DATA of MySQL."""
        if not level.find("INTO", "TABLE"):
            raise UnsureError
        level.accept("INTO", "TABLE")
        self.written(level)
        self.insert_columns(level)
        self.expressions(level)


def plain_columns(level: Level) -> frozenset[str] | None:
    """The columns that SET assigns, if each is a plain name; ends at WHERE."""
    columns: set[str] = set()
    ahead, begins = 0, True
    while level.peek(ahead).kind != "end" and not ends_set(level, ahead):
        item = level.peek(ahead)
        if begins:
            if item.kind not in {"name", "word"} or level.peek(ahead + 1).sign != "=":
                return None
            columns.add(column_name(item.raw))
        begins = item.sign == ","
        ahead += 1
    return frozenset(columns) or None


def ends_set(level: Level, ahead: int) -> bool:
    """Whether WHERE stands there, and not as a column after a dot."""
    return level.peek(ahead).word == "WHERE" and level.peek(ahead - 1).sign != "."
