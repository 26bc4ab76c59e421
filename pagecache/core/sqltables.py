"""Which tables a query of SQL names.

A table can stand only where the language has a place for one, so those places (FROM, JOIN, INTO, WITH) are parsed
strictly, and what they hold that is not understood is refused.
"""

from pagecache.core.sqllevel import BEFORE_JOIN, HINTS, JOINS, Level, ends_tables
from pagecache.core.sqlscan import Scan, key_of
from pagecache.core.sqltext import Group, Token, UnsureError, column_name, table_name
from pagecache.core.sqlwords import CATALOG, CATALOGS

_QUERYING = frozenset(
    {"DELETE", "INSERT", "MERGE", "REPLACE", "SELECT", "TABLE", "UPDATE", "VALUES", "WITH"}
)
_NEVER_A_NAME = frozenset({"FROM", "ON", "SELECT", "SET", "WHERE"})
_STORAGE = frozenset({"GLOBAL", "LOCAL", "TABLE", "TEMP", "TEMPORARY", "UNLOGGED"})


class Query(Scan):
    """The tables of queries."""

    def tables(self, level: Level, *, target: bool = False) -> None:
        """Read a list of tables; of a `target` each is written."""
        self.table(level, target=target)
        while not ends_tables(level):
            if level.accept(","):
                self.table(level, target=target)
            elif level.peek().word in JOINS[self.vendor] | BEFORE_JOIN:
                self.join(level, target=target)
            elif level.accept("ON"):
                self.condition(level)
            elif level.is_next("USING", "()"):
                self.shared_columns(level)
            else:
                raise UnsureError

    def join(self, level: Level, *, target: bool) -> None:
        """The words of a join and the table after them."""
        level.skip(BEFORE_JOIN)
        if level.take().word not in JOINS[self.vendor]:
            raise UnsureError
        self.table(level, target=target)

    def condition(self, level: Level) -> None:
        """What follows ON; a comma or another join goes on with the list."""
        while not (level.peek().sign in {",", "ON"} | JOINS[self.vendor] or ends_tables(level)):
            self.step(level)

    def shared_columns(self, level: Level) -> None:
        """USING (columns) [AS alias]."""
        level.accept("USING")
        self.step(level)
        if level.accept("AS"):
            self.identifier(level)

    def table(self, level: Level, *, target: bool = False) -> None:
        """Read one table of a list."""
        self.prefix(level)
        item = level.peek()
        if isinstance(item, Group):
            level.take()
            self.derived(item, level.ctes, target=target)
        elif level.is_next("TABLE", "()"):
            self.step(level)
        else:
            self.named(level, target=target)
        self.suffix(level)

    def prefix(self, level: Level) -> None:
        """ONLY and LATERAL, where they cannot be the table's own name."""
        if self.vendor == "postgresql":
            level.accept("ONLY")
        is_call = level.peek(2).sign == "()" and level.peek(1).kind in self.name_kinds
        if level.peek().word == "LATERAL" and (is_call or level.peek(1).sign == "()"):
            level.take()

    def named(self, level: Level, *, target: bool) -> None:
        """A table by its name, or a function that makes one."""
        if not target and level.peek().kind != "string" and level.peek(1).sign == "()":
            self.step(level)
            return
        names = self.chain(level)
        if not target and level.peek().sign == "()":
            self.opaque |= not self.is_known(".".join(name.raw for name in names).lower())
        elif len(names) > 1 and column_name(names[-2].raw) in CATALOGS:
            self.reads.add(CATALOG)
        self.touch(names, level.ctes, target=target)

    def derived(self, group: Group, ctes: frozenset[str], *, target: bool) -> None:
        """Parentheses in place of a table: a query, or a list of tables again.

        What a writing statement names through a query in its place is what it writes.
        """
        outer, self.reads = self.reads, set()
        if group.items and group.items[0].word in _QUERYING:
            self.inside(group, ctes)
        else:
            level = Level(group.items, self.vendor, ctes)
            self.tables(level, target=target)
            self.query(level)
        self.writes |= self.reads if target else set()
        self.reads |= outer

    def identifier(self, level: Level) -> Token:
        """One name."""
        item = level.take()
        if (
            isinstance(item, Group)
            or item.kind not in self.name_kinds
            or item.word in _NEVER_A_NAME
        ):
            raise UnsureError
        return item

    def chain(self, level: Level) -> list[Token]:
        """A name with what qualifies it, `a.b.c`; the star of `DELETE a.* FROM` is left out."""
        names = [self.identifier(level)]
        while level.accept("."):
            if level.accept("*"):
                break
            item = level.take()
            if isinstance(item, Group) or item.kind not in self.name_kinds:
                raise UnsureError
            names.append(item)
        return names

    def touch(self, names: list[Token], ctes: frozenset[str], *, target: bool = False) -> None:
        """Note a table by its name, unless it is one that WITH declared."""
        self.mentions += 1
        alone = len(names) == 1
        if alone and names[0].word == "DUAL" and self.vendor in {"mysql", "oracle"}:
            return
        if target:
            self.writes.add(table_name(names[-1].raw))
        elif alone and key_of(names[0], self.vendor) in ctes:
            return
        self.reads.add(table_name(names[-1].raw))

    def suffix(self, level: Level) -> None:
        """What may follow a table: qualifiers, an alias, its columns."""
        self.qualifiers(level)
        if level.accept("AS"):
            if level.peek().sign != "()":
                self.alias(level)
        elif level.peek().kind in self.name_kinds | {"string"} and not self.goes_on(level):
            self.identifier(level)
        if level.peek().sign == "()":
            self.step(level)
        self.qualifiers(level)

    def alias(self, level: Level) -> None:
        """The alias after AS, which may be any word."""
        if level.take().kind not in self.name_kinds:
            raise UnsureError

    def goes_on(self, level: Level) -> bool:
        """Whether the next word continues or ends the list of tables, and is no alias."""
        return level.peek().word in JOINS[self.vendor] | BEFORE_JOIN | {
            "ON",
            "USING",
        } or ends_tables(level)

    def qualifiers(self, level: Level) -> None:
        """PARTITION (...), index hints, samples and the like."""
        while self.qualifier(level):
            pass

    def qualifier(self, level: Level) -> bool:
        """One of them, if it is next."""
        if level.peek().word in HINTS and level.peek(1).word in {"INDEX", "KEY"}:
            return self.through_group(level)
        if level.is_next("TABLESAMPLE", "BERNOULLI", "()") or level.is_next(
            "TABLESAMPLE", "SYSTEM", "()"
        ):
            self.volatile = True
            return self.through_group(level)
        if level.is_next("PARTITION", "()") or level.is_next("REPEATABLE", "()"):
            return self.through_group(level)
        if level.accept("INDEXED", "BY"):
            return bool(self.identifier(level))
        starred = self.vendor == "postgresql" and level.accept("*")
        return starred or level.accept("NOT", "INDEXED") or level.accept("WITH", "ORDINALITY")

    def through_group(self, level: Level) -> bool:
        """Pass the words up to the next parentheses and look into these."""
        if not level.find("()"):
            raise UnsureError
        self.step(level)
        return True

    def ctes(self, level: Level) -> None:
        """Read what WITH declares."""
        level.accept("WITH")
        if self.vendor == "mysql":
            # MariaDB does not see the names of an outer WITH from an inner one.
            level.ctes = frozenset()
        recursive = level.accept("RECURSIVE")
        while True:
            self.cte(level, recursive=recursive)
            if not level.accept(","):
                break

    def cte(self, level: Level, *, recursive: bool) -> None:
        """One declared name: it hides a table from here on, in its own text only if recursive."""
        key = key_of(self.identifier(level), self.vendor)
        level.accept("()")
        level.accept("AS")
        level.accept("NOT")
        level.accept("MATERIALIZED")
        body = level.take()
        if not isinstance(body, Group):
            raise UnsureError
        self.inside(body, level.ctes | {key} if recursive else level.ctes)
        level.ctes |= {key}

    def into(self, level: Level) -> None:
        """Read the table that SELECT INTO makes; other places for rows are refused."""
        level.take()
        if level.peek().kind == "variable":
            return
        if self.vendor != "postgresql":
            raise UnsureError
        level.skip(_STORAGE)
        self.touch(self.chain(level), frozenset(), target=True)

    def in_table(self, level: Level) -> None:
        """Read the table of `x IN t`; what is called in `x IN f(1)` is seen as a call."""
        if level.peek(1).sign != "()":
            self.touch(self.chain(level), level.ctes)
