"""Random statements for SQLite over a small schema, with the tables that each one names."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field

TABLES = ("t0", "t1", "t2", "Mixed", "order", "odd name", "a.b", "gr\u00fc\u00dfe")
COLUMNS = ("a", "b", "c")
SCHEMA = "".join(f'CREATE TABLE "{table}" (a INTEGER PRIMARY KEY, b, c);' for table in TABLES)
ALIASES = ("x", "offset", "window", "from", "row", "first", "'s'")
JOINS = (", ", " JOIN ", " CROSS JOIN ", " LEFT OUTER JOIN ", " INNER JOIN ")
BLANKS = (" ", " ", " ", "\n", " /* FROM t0 */ ", " -- , t0\n")


@dataclass
class Writer:
    """Writes one statement; `named` are the tables in it."""

    random: random.Random
    named: set[str] = field(default_factory=set)
    count: int = 0

    def pick(self, *choices: str) -> str:
        return self.random.choice(choices)

    def one_of(self, *writers: Callable[[], str]) -> str:
        return self.random.choice(writers)()

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def table(self) -> str:
        name = self.pick(*TABLES)
        self.named.add(name)
        # A bare `t0` is always a name that WITH declared.
        schema = "main." if name == "t0" else self.pick("", "", "main.")
        return schema + self.pick('"{}"', "[{}]", "`{}`", "'{}'").format(name)

    def alias(self) -> str:
        self.count += 1
        return f"z{self.count}" if self.chance(70) else f'"{self.pick(*ALIASES)}{self.count}"'

    def value(self, scope: list[str], depth: int) -> str:
        if depth <= 0 or self.chance(50):
            column = f"{self.pick(*scope)}.{self.pick(*COLUMNS)}" if scope else "1"
            return self.pick(
                column, "%s", "1.5", "'FROM t1, '' t2'", "NULL", f"coalesce({column}, 1)"
            )
        return self.one_of(
            lambda: f"(SELECT max(a) FROM ({self.query(depth - 1)}))",
            lambda: f"CASE WHEN {self.condition(scope, depth - 1)} THEN 1 ELSE 2 END",
            lambda: f"({self.condition(scope, depth - 1)})",
        )

    def condition(self, scope: list[str], depth: int) -> str:
        left = self.value(scope, depth - 1)
        if depth <= 0 or self.chance(40):
            return f"{left} {self.pick('=', '<', 'IS NOT DISTINCT FROM', 'IS', 'LIKE')} 1"
        return self.one_of(
            lambda: f"EXISTS ({self.query(depth - 1)}) AND {left}",
            lambda: f"{left} IN (SELECT a FROM ({self.query(depth - 1)}))",
            lambda: f"{left} NOT IN (1, %s, {self.value(scope, depth - 1)})",
            lambda: f"({left}, 1, 2) {self.pick('IN', 'NOT IN')} {self.table()}",
            lambda: f"NOT ({left} OR {self.condition(scope, depth - 1)})",
        )

    def source(self, depth: int, ctes: tuple[str, ...]) -> tuple[str, str]:
        """One item of FROM and its alias."""
        alias = self.alias()
        shown = self.pick(" AS ", " ") + alias
        if ctes and self.chance(40):
            return self.pick(*ctes) + shown, alias
        if depth > 0 and self.chance(30):
            return f"({self.query(depth - 1, ctes)}){shown}", alias
        return self.table() + shown + self.pick("", "", " NOT INDEXED"), alias

    def sources(self, depth: int, ctes: tuple[str, ...]) -> tuple[str, list[str]]:
        """The text after FROM and its aliases."""
        text, alias = self.source(depth, ctes)
        scope = [alias]
        while self.chance(45):
            join = self.pick(*JOINS)
            item, alias = self.source(depth, ctes)
            if self.chance(15):
                item = f"({item})"
            else:
                scope.append(alias)
            text += join + item
            if join != ", " and self.chance(60):
                text += f" ON {self.condition(scope, depth - 1)}"
        return text, scope

    def core(self, depth: int, ctes: tuple[str, ...]) -> str:
        text, scope = self.sources(depth, ctes)
        values = ", ".join(f"{self.value(scope, depth - 1)} AS {column}" for column in COLUMNS)
        where = f" WHERE {self.condition(scope, depth)}" if self.chance(50) else ""
        group = f" GROUP BY {scope[0]}.a, 2 HAVING count(*) > 0" if self.chance(15) else ""
        return f"SELECT {self.pick('', 'DISTINCT ')}{values} FROM {text}{where}{group}"

    def query(self, depth: int, ctes: tuple[str, ...] = ()) -> str:
        declared, ctes = self.declared(depth, ctes)
        text = self.core(depth, ctes)
        while self.chance(15):
            text += self.pick(" UNION ", " UNION ALL ", " INTERSECT ", " EXCEPT ") + self.core(
                depth, ctes
            )
        text += self.pick("", "", " ORDER BY 1, 2 LIMIT %s OFFSET 1")
        return declared + text

    def declared(self, depth: int, ctes: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        """WITH and the names that it adds."""
        if depth <= 0 or not self.chance(25):
            return "", ctes
        self.count += 1
        name = self.pick(f"w{self.count}", "t0")
        body = self.query(depth - 1, tuple(known for known in ctes if known != name))
        kind = self.pick("AS", "AS MATERIALIZED", "AS NOT MATERIALIZED")
        return f"WITH {name}{self.pick('', ' (a, b, c)')} {kind} ({body}) ", (*ctes, name)

    def write(self) -> str:
        declared, ctes = self.declared(2, ())
        return declared + self.one_of(
            lambda: self.insert(ctes), lambda: self.update(ctes), self.delete
        )

    def insert(self, ctes: tuple[str, ...]) -> str:
        start = f"{self.pick('INSERT', 'INSERT', 'INSERT OR IGNORE', 'REPLACE')} INTO {self.table()} (a, b, c)"
        if self.chance(30):
            return f"{start} VALUES (%s, 1, 2), (3, {self.value([], 2)}, 4){self.returning()}"
        rows = f"SELECT * FROM ({self.query(1, ctes)}) WHERE true"
        return f"{start} {rows}{self.upsert(start)}{self.returning()}"

    def upsert(self, start: str) -> str:
        if not start.startswith("INSERT INTO"):
            return ""
        update = " ON CONFLICT (a) DO UPDATE SET b = excluded.b, c = 1"
        return self.pick("", " ON CONFLICT DO NOTHING", update, update)

    def update(self, ctes: tuple[str, ...]) -> str:
        table, scope, extra = self.table(), [self.alias()], ""
        head = f"UPDATE {self.pick('', 'OR IGNORE ')}{table} AS {scope[0]} SET "
        if self.chance(40):
            text, others = self.sources(1, ctes)
            extra, scope = f" FROM {text}", scope + others
        values = f"b = {self.value(scope, 1)}, c = {self.value(scope, 1)}"
        return f"{head}{values}{extra} WHERE {self.condition(scope, 2)}{self.returning()}"

    def delete(self) -> str:
        table, alias = self.table(), self.alias()
        where = self.condition([alias], 2)
        return f"DELETE FROM {table} AS {alias} WHERE {where}{self.returning()}"

    def returning(self) -> str:
        return self.pick("", " RETURNING *", " RETURNING a AS x, b")


def statement(seed: int) -> tuple[str, Writer]:
    """The statement of this seed, and its writer with what it names."""
    writer = Writer(random.Random(seed))
    text = writer.write() if writer.chance(50) else writer.query(3)
    return "".join(
        writer.pick(*BLANKS) if one == " " and writer.chance(30) else one for one in _apart(text)
    ), writer


def _apart(text: str) -> list[str]:
    """The characters of a text; what is quoted stays whole."""
    return re.findall(r"'[^']*'|\"[^\"]*\"|`[^`]*`|\[[^\]]*\]|.", text, re.DOTALL)
