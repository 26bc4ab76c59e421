"""SQL text to tokens: just enough of each database's lexical rules to tell code from strings and comments.

What the rules of a database leave in doubt is refused (`UnsureError`), never guessed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

MAX_DEPTH = 60


class UnsureError(Exception):
    """The text may mean something that is not understood here."""


class Token(NamedTuple):
    """`kind` says what it is, `word` is the upper-case text of an unquoted ASCII word, else empty.

    `sign` is what a grammar rule compares: the word, the mark, or else the kind.
    """

    kind: str
    raw: str
    word: str
    sign: str


@dataclass(frozen=True, slots=True)
class Group:
    """What stands between two parentheses or brackets; `sign` is `()` or `[]`."""

    sign: str
    items: tuple["Item", ...]
    kind: str = "group"
    raw: str = ""
    word: str = ""


Item = Token | Group
END = Token("end", "", "", "end")

_LETTER = r"A-Za-z_\x80-\U0010ffff"
_SINGLE = r"'(?:[^']++|'')*+'"
_ESCAPED = r"'(?:[^'\\]++|''|\\.)*+'"
_DOUBLE = r'"(?:[^"]++|"")*+"'
_DOUBLE_ESCAPED = r'"(?:[^"\\]++|""|\\.)*+"'
_BACKTICK = r"`(?:[^`]++|``)*+`"
_NUMBER = r"(?>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w$\x80-\U0010ffff])"
_VALUE = r"%s(?![A-Za-z0-9_])|%\(\w+\)s(?![A-Za-z0-9_])|%%"
_ORACLE_QUOTED = (
    r"[nN]?[qQ]'(?:\[.*?\]'|\{.*?\}'|<.*?>'|\(.*?\)'|(?P<edge>[^\s\[{<(]).*?(?P=edge)')|"
)
_MARK = r"::|:=|[-+*<>=~!@%^&|?:,.;()]|/(?!\*)"


class _Rules(NamedTuple):
    """How one database writes its tokens; the fields are the kinds."""

    skip: str
    string: str
    name: str
    word: str
    value: str = _VALUE
    mark: str = _MARK
    variable: str = r"(?!)"

    def compiled(self) -> re.Pattern[str]:
        """One expression for all tokens; the name of the group that matched is the kind."""
        blank = rf"(?P<skip>[ \t\r\n\f\v]+|{self.skip})|(?P<number>{_NUMBER})"
        kinds = ("string", "name", "value", "variable", "word", "mark")
        rest = "|".join(f"(?P<{kind}>{getattr(self, kind)})" for kind in kinds)
        return re.compile(f"{blank}|{rest}", re.DOTALL)


_RULES = {
    "sqlite": _Rules(
        skip=r"--[^\n]*|/\*.*?\*/",
        string=_SINGLE,
        name=rf"{_DOUBLE}|{_BACKTICK}|\[[^\]]*\]",
        word=rf"[{_LETTER}][{_LETTER}0-9$]*",
    ),
    "postgresql": _Rules(
        skip=r"--[^\r\n]*",
        string=rf"[eE]{_ESCAPED}|{_SINGLE}|\$(?P<tag>(?:[{_LETTER}][{_LETTER}0-9]*)?)\$.*?\$(?P=tag)\$",
        name=_DOUBLE,
        word=rf'(?![uU]&")[{_LETTER}][{_LETTER}0-9$]*',
        value=rf"{_VALUE}|\$\d+(?![\w$])",
        mark=rf"{_MARK}|[#\[\]]",
    ),
    "mysql": _Rules(
        # A comment that is run (`/*! ... */`) is not skipped, and so refused.
        skip=r"--(?=[\x00-\x20\x7f]|\Z)[^\n]*|\#[^\n]*|/\*(?!M?!).*?\*/",
        string=_ESCAPED,
        name=rf"{_DOUBLE_ESCAPED}|{_BACKTICK}",
        word=rf"[{_LETTER}$][{_LETTER}0-9$]*",
        value=rf"{_VALUE}|@@[\w.$]+",
        mark=r"::|:=|[-+*<>=~!%^&|?:,.;()]|/(?!\*)",
        variable=rf"@(?:[\w.$]+|{_ESCAPED}|{_DOUBLE_ESCAPED}|{_BACKTICK})",
    ),
    "oracle": _Rules(
        skip=r"--[^\n]*|/\*.*?\*/",
        string=_ORACLE_QUOTED + _SINGLE,
        name=_DOUBLE,
        word=r"[^\W\d][\w$#]*",
    ),
}
_PATTERNS = {vendor: rules.compiled() for vendor, rules in _RULES.items()}

VENDORS = frozenset(_RULES)
_BLOCK_EDGE = re.compile(r"/\*|\*/")


def _after_nested_comment(sql: str, start: int) -> int:
    """Where the comment that begins here ends; PostgreSQL's comments nest."""
    depth = 0
    for edge in _BLOCK_EDGE.finditer(sql, start):
        depth += 1 if edge.group() == "/*" else -1
        if not depth:
            return edge.end()
    raise UnsureError


def _token(kind: str, raw: str) -> Token:
    if kind == "word":
        word = raw.upper() if raw.isascii() else ""
        return Token(kind, raw, word, word or kind)
    return Token(kind, raw, "", raw if kind == "mark" else kind)


def tokens(sql: str, vendor: str) -> Iterator[Token]:
    """The tokens of a text without its blanks and comments."""
    match = _PATTERNS[vendor].match
    nested, at, end = vendor == "postgresql", 0, len(sql)
    if "\0" in sql:
        raise UnsureError
    while at < end:
        if nested and sql.startswith("/*", at):
            at = _after_nested_comment(sql, at)
            continue
        found = match(sql, at)
        if found is None or found.lastgroup is None:
            raise UnsureError
        if found.lastgroup != "skip":
            yield _token(found.lastgroup, found.group())
        at = found.end()


_CLOSES = {")": "()", "]": "[]"}


def grouped(sql: str, vendor: str) -> tuple[Item, ...]:
    """The tokens as a tree: what stands between parentheses or brackets is one item."""
    open_groups: list[tuple[str, list[Item]]] = [("", [])]
    for token in tokens(sql, vendor):
        if token.kind != "mark" or token.raw not in "()[]":
            open_groups[-1][1].append(token)
        elif token.raw in "([":
            open_groups.append(("()" if token.raw == "(" else "[]", []))
        else:
            sign, items = open_groups.pop()
            if sign != _CLOSES[token.raw]:
                raise UnsureError
            open_groups[-1][1].append(Group(sign, tuple(items)))
        if len(open_groups) > MAX_DEPTH:
            raise UnsureError
    if len(open_groups) > 1:
        raise UnsureError
    return tuple(open_groups[0][1])


_HOLDERS = re.compile(r"(?<!%)%s(?:,[ \t]*%s)+(?![A-Za-z0-9_])")
_PLAIN = r"[^()\[\]{}'\"`$/#*\\\r\n-]"
_ROWS = re.compile(rf"(\((?:{_PLAIN}++|\({_PLAIN}*+\))*+\))(?:,[ \t]*\1)+")


def folded(sql: str) -> str:
    """The text with lists of placeholders and equal neighboring rows made one; never changes what it touches.

    Nothing is folded across the end of a line, where it could move code into a comment.
    """
    return _ROWS.sub(_one_row, _HOLDERS.sub("%s", sql))


def _one_row(rows: re.Match[str]) -> str:
    """Equal rows without a placeholder may be part of a quoted name."""
    return rows[1] if "%s" in rows[1] else rows[0]


_QUOTES = "\"`'[]"
_DOUBLED = re.compile(r"([\"`'\[\]])\1+")
_NAME_BYTES = 63


def _clipped(name: str) -> str:
    """As PostgreSQL clips it; two names that become one only make a superset."""
    return name.encode(errors="surrogatepass")[:_NAME_BYTES].decode(errors="ignore")


def column_name(name: str) -> str:
    """The one spelling of a column: unquoted, lower case."""
    bare = _DOUBLED.sub(r"\1", name.strip(_QUOTES))
    return _clipped(_clipped(bare).lower()).strip(_QUOTES)


def table_name(name: str) -> str:
    """The one spelling of a table: unquoted, last dotted component, lower case.

    Tables of the same name in two schemas count as one.
    """
    return column_name(name.rsplit(".", 1)[-1])
