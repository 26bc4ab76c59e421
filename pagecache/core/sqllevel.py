"""A reading position in SQL, and what can be told from the next few items alone."""

from dataclasses import dataclass

from pagecache.core.sqltext import END, Item

JOINS = {
    "sqlite": frozenset({"JOIN"}),
    "postgresql": frozenset({"JOIN"}),
    "mysql": frozenset({"JOIN", "STRAIGHT_JOIN"}),
    "oracle": frozenset({"APPLY", "JOIN"}),
}
BEFORE_JOIN = frozenset({"CROSS", "FULL", "INNER", "LEFT", "NATURAL", "OUTER", "RIGHT"})
HINTS = frozenset({"FORCE", "IGNORE", "USE"})

_BRANCH = frozenset({"()", "ALL", "DISTINCT", "SELECT", "TABLE", "VALUES", "WITH"})
_AMOUNT = frozenset({"()", "+", "-", ":", "?", "ALL", "NULL", "number", "value", "variable"})
_ALWAYS_ENDS = frozenset({"HAVING", "INTO", "SELECT", "WHERE", "end"})

# Words that end a list of tables only before one of these; elsewhere they may be an alias or a column.
_ENDS_BEFORE = {
    "CONNECT": frozenset({"BY"}),
    "EXCEPT": _BRANCH,
    "FETCH": frozenset({"FIRST", "NEXT"}),
    "FOR": frozenset({"KEY", "NO", "READ", "SHARE", "UPDATE"}),
    "GROUP": frozenset({"BY"}),
    "INTERSECT": _BRANCH,
    "LIMIT": _AMOUNT,
    "LOCK": frozenset({"IN"}),
    "OFFSET": _AMOUNT,
    "ORDER": frozenset({"BY", "SIBLINGS"}),
    "START": frozenset({"WITH"}),
    "UNION": _BRANCH,
    "WITH": frozenset({"CHECK", "DATA", "NO"}),
}
_AFTER_ALIAS = (
    frozenset({",", "AS", "JOIN", "ON", "STRAIGHT_JOIN", "USING", "WHERE", "end"})
    | BEFORE_JOIN
    | HINTS
)


@dataclass(slots=True)
class Level:
    """A position among the items of one depth.

    `ctes` are the names that WITH has put in front of the tables, `stops` the words of the statement around it that
    end a list of tables.
    """

    items: tuple[Item, ...]
    vendor: str
    ctes: frozenset[str] = frozenset()
    stops: frozenset[str] = frozenset()
    at: int = 0

    def peek(self, ahead: int = 0) -> Item:
        """The item to come, or one that far from it; beyond either edge `END`."""
        index = self.at + ahead
        return self.items[index] if 0 <= index < len(self.items) else END

    def take(self) -> Item:
        """The next item, then left behind."""
        item = self.peek()
        self.at += 1
        return item

    def is_next(self, *signs: str) -> bool:
        """Whether the next items are just these."""
        return all(self.peek(ahead).sign == sign for ahead, sign in enumerate(signs))

    def accept(self, *signs: str) -> bool:
        """Take the next items if they are just these."""
        found = self.is_next(*signs)
        self.at += len(signs) if found else 0
        return found

    def skip(self, signs: frozenset[str]) -> None:
        """Take all next items that are among these."""
        while self.peek().sign in signs:
            self.at += 1

    def find(self, *signs: str) -> bool:
        """Move to the next place where just these follow; False, at the end, if there is none."""
        while self.at < len(self.items) and not self.is_next(*signs):
            self.at += 1
        return self.at < len(self.items)

    def has(self, sign: str) -> bool:
        """Whether an item to come is this."""
        return any(item.sign == sign for item in self.items[self.at :])


def ends_tables(level: Level) -> bool:
    """Whether a list of tables ends before the next item."""
    word, following = level.peek().sign, level.peek(1).sign
    if word in _ALWAYS_ENDS or word in level.stops:
        return True
    if word == "ON":
        return "upsert" in level.stops and begins_upsert(level)
    if word == "RETURNING":
        return following not in _AFTER_ALIAS
    if word == "WINDOW":
        return level.peek(2).sign == "AS" and level.peek(3).sign == "()"
    if word == "MINUS":
        return level.vendor == "oracle" and following in _BRANCH
    return following in _ENDS_BEFORE.get(word, ())


def begins_upsert(level: Level) -> bool:
    """ON CONFLICT or ON DUPLICATE KEY, where a column could have such a name too."""
    return level.is_next("ON", "DUPLICATE", "KEY", "UPDATE") or (
        level.is_next("ON", "CONFLICT") and level.peek(2).sign in {"()", "DO", "ON"}
    )


def begins_ctes(level: Level) -> bool:
    """WITH name [(columns)] AS [[NOT] MATERIALIZED] (...), not WITH TIME ZONE and the like."""
    at = 2 if level.is_next("WITH", "RECURSIVE") and level.peek(2).sign != "AS" else 1
    at += 2 if level.peek(at + 1).sign == "()" else 1
    return level.peek().sign == "WITH" and level.peek(at).sign == "AS"


def compares_distinct(level: Level) -> bool:
    """Whether the next FROM belongs to IS [NOT] DISTINCT FROM; after a dot, IS is a column."""
    if level.peek(-1).sign != "DISTINCT":
        return False
    at = -3 if level.peek(-2).sign == "NOT" else -2
    return level.peek(at).sign == "IS" and level.peek(at - 1).sign != "."
