"""What an expression of SQL touches: subqueries, calls, and the few places where it may name a table."""

from abc import ABC, abstractmethod
from enum import Enum

from pagecache.core.sqllevel import JOINS, Level, begins_ctes, compares_distinct
from pagecache.core.sqltext import Group, Item, Token, UnsureError
from pagecache.core.sqlwords import (
    CLOCKS,
    FROM_INSIDE,
    KEYWORDS,
    KEYWORDS_AFTER,
    ROUTINES,
    SEQUENCE_ROUTINES,
    SEQUENCES,
    VOLATILE_ROUTINES,
    VOLATILE_STRINGS,
    VOLATILE_WORDS,
)

_WRITING = frozenset({"DELETE", "INSERT", "MERGE", "REPLACE", "UPDATE"})
_TYPE_FOLLOWS = frozenset({"::", "AS", "REFERENCES"})
_OWNERS = frozenset({"group", "name", "string", "word"})
_IDENTIFIERS = frozenset({"name", "word"})


class Boundary(Enum):
    """Whether a statement begins or ends a transaction."""

    NONE = "none"
    BEGINS = "begins"
    CONTINUES = "continues"  # ends one, and may begin another
    SAVES = "saves"  # a savepoint, which in SQLite begins one too
    COMMITS = "commits"  # what came before, as definitions do in some databases
    ENDS = "ends"


class Scan(ABC):
    """Looks through a text once and gathers what it touches."""

    def __init__(self, vendor: str, routines: frozenset[str]) -> None:
        self.vendor = vendor
        self.routines = routines
        self.reads: set[str] = set()
        self.writes: set[str] = set()
        self.mentions = 0  # of tables
        self.opaque = False
        self.returns = False
        self.boundary = Boundary.NONE
        self.volatile = False
        # SQLite takes a string for a name where only a name can stand.
        self.name_kinds = _IDENTIFIERS | {"string"} if vendor == "sqlite" else _IDENTIFIERS

    @abstractmethod
    def statement(self, level: Level) -> None:
        """A statement of its own, such as a DELETE in a WITH."""

    @abstractmethod
    def tables(self, level: Level, *, target: bool = False) -> None:
        """A list of tables with its joins, up to the clause after it."""

    @abstractmethod
    def table(self, level: Level, *, target: bool = False) -> None:
        """One table, function or subquery of such a list, with its alias."""

    @abstractmethod
    def ctes(self, level: Level) -> None:
        """WITH and what it declares."""

    @abstractmethod
    def into(self, level: Level) -> None:
        """INTO in a query."""

    @abstractmethod
    def in_table(self, level: Level) -> None:
        """The table in SQLite's `x IN t`."""

    def inside(self, group: Group, ctes: frozenset[str], caller: str = "") -> None:
        """What stands in parentheses: a query, a writing statement, or expressions."""
        level = Level(group.items, self.vendor, ctes)
        if level.peek().word in _WRITING and level.peek(1).sign != "()":
            self.statement(level)
        else:
            self.query(level, caller=caller)

    def query(self, level: Level, *, listing: bool = False, caller: str = "") -> None:
        """Look through the rest of a level; `listing` while a FROM would begin a list of tables."""
        while (word := level.peek().sign) != "end":
            if word == "SELECT":
                listing = bool(level.take())
            elif word == "FROM":
                listing = self.from_word(level, listing=listing, caller=caller)
            elif word == "JOIN" or (word in JOINS[self.vendor] and not listing):
                level.take()
                self.tables(level)
            else:
                self.other(level, word)

    def other(self, level: Level, word: str) -> None:
        """A part of a query that is neither SELECT nor a list of tables."""
        if word == "WITH" and begins_ctes(level):
            self.ctes(level)
        elif word == "INTO":
            self.into(level)
        elif word == "TABLE" and level.peek(1).kind in self.name_kinds:
            level.take()
            self.table(level)
        else:
            self.returns |= word == "RETURNING"
            self.step(level)

    def from_word(self, level: Level, *, listing: bool, caller: str) -> bool:
        """FROM begins a list of tables, or belongs to IS DISTINCT FROM or to a function's own syntax."""
        part_of_expression = compares_distinct(level)
        level.take()
        if part_of_expression:
            return listing
        if listing:
            self.tables(level)
        elif caller not in FROM_INSIDE:
            raise UnsureError
        return False

    def step(self, level: Level) -> None:
        """One item of an expression."""
        item, following = level.take(), level.peek()
        self.volatile |= item.word in VOLATILE_WORDS or item.raw.lower() in VOLATILE_STRINGS
        if isinstance(item, Group):
            self.inside(item, level.ctes)
        elif item.word in {"NEXT", "PREVIOUS"} and level.is_next("VALUE", "FOR"):
            self.writes.add(SEQUENCES)
        elif item.sign == ".":
            self.member(level)
        elif item.kind == "variable":
            self.variable(item)
        elif isinstance(following, Group) and following.sign == "()" and item.kind in _IDENTIFIERS:
            self.call(level, item, following)
        elif item.word == "IN" and self.vendor == "sqlite" and following.kind in self.name_kinds:
            self.in_table(level)

    def variable(self, item: Token) -> None:
        """A variable of the session carries data from statement to statement, as a table does."""
        self.reads.add(item.raw.lower())
        self.writes.add(item.raw.lower())

    def member(self, level: Level) -> None:
        """What follows a dot: a column, or a routine with its schema."""
        owner, item, following = level.peek(-2), level.peek(), level.peek(1)
        if owner.kind not in _OWNERS:
            raise UnsureError
        if item.kind in _IDENTIFIERS:
            level.take()
            if item.word in {"CURRVAL", "NEXTVAL"}:
                self.writes.add(SEQUENCES)
            if isinstance(following, Group) and following.sign == "()":
                self.schema_call(owner, item, following)

    def schema_call(self, owner: Item, item: Item, arguments: Group) -> None:
        """A call of a routine in a schema; in Oracle `x.id (+)` is an outer join."""
        outer_join = self.vendor == "oracle" and [one.raw for one in arguments.items] == ["+"]
        self.opaque |= not (outer_join or self.is_known(f"{owner.raw}.{item.raw}".lower()))

    def is_known(self, name: str) -> bool:
        """Whether a routine that is called with its schema only computes."""
        bare = name.removeprefix("pg_catalog.")
        self.volatile |= bare in VOLATILE_ROUTINES
        if bare != name and self.is_sequence(bare):
            return True
        return name in self.routines or (bare != name and bare in ROUTINES["postgresql"])

    def is_sequence(self, name: str) -> bool:
        """Whether a routine reads or moves a sequence, which is then written."""
        found = name in SEQUENCE_ROUTINES
        self.writes |= {SEQUENCES} if found else set()
        return found

    def call(self, level: Level, item: Token, arguments: Group) -> None:
        """A word before parentheses: a routine, a type, or a keyword."""
        self.opaque |= not self.computes(item, level.peek(-2).sign)
        name = item.raw.strip('"`').lower()
        self.volatile |= name in VOLATILE_ROUTINES or (name in CLOCKS and not arguments.items)
        level.take()
        self.inside(arguments, level.ctes, caller=item.word)

    def computes(self, item: Token, previous: str) -> bool:
        """Whether the word is part of the language, or a routine that touches nothing."""
        if item.word in KEYWORDS or previous in KEYWORDS_AFTER.get(item.word, _TYPE_FOLLOWS):
            return True
        name = item.raw.lower() if item.kind == "word" else item.raw[1:-1]
        if self.is_sequence(name):
            return True
        return name in ROUTINES[self.vendor] or name in self.routines


def key_of(name: Token, vendor: str) -> str:
    """What makes two spellings of a WITH name the same one; where in doubt, they are not."""
    if vendor == "mysql":
        return name.raw.strip("`")
    if name.word:
        return name.word if vendor == "oracle" else name.word.lower()
    return f"?{name.raw}" if name.kind == "word" else name.raw[1:-1]
