"""Holes: the places of a stored page where each visitor gets something of their own.

What fills a hole is known when the page is made: it was made for this page alone, and nobody could guess it, or such
marks stand around it. It is cut out, and only the place is kept. So there is nothing in a stored page that could be
sent by mistake, and no text of a user's that looks like a hole is one. A page that holds any more of it, turned into
something else, has no holes that could be trusted.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from string import digits
from typing import NamedTuple

# What Django makes; other names are dotted paths of the site's functions.
CSRF = "csrf"  # the token of a form, and its cookie
NONCE = "csp-nonce"  # of a Content-Security-Policy
NOWHERE = -1  # the place of what is in a header alone
IN_HEADER = "\0"  # stands for the nonce in a stored header field, which cannot hold this
FEWEST = 16  # characters that nobody guesses
MOST = 100  # values of one page that are looked for
TELLING = 3  # characters of a visitor's own text that should be nowhere else
TAG = re.compile(rb"<[^>]*>")
DIGITS = re.compile(rb"\d{%d,}" % FEWEST)  # which may be left of a mark that was cut off
MANY_DIGITS = b"0" * FEWEST
TO_ZEROS = bytes(ord("0" if chr(byte) in digits else " ") for byte in range(256))
# A nonce that was cut out leaves an empty one.
NONCED = re.compile(rb"<(?:script|style|link)\b[^>]*\snonce=[\"']?[^\"'\s>]", re.IGNORECASE)
CANARY = b"\"'\\\n"  # what any escaping changes
LONGEST_CANARY = 100  # escaped, and escaped once more


class Hole(NamedTuple):
    """A hole in a body: its place, counted in bytes of the body without what filled it, and its name."""

    at: int
    name: str


class Given(NamedTuple):
    """What a page was given for one hole.

    A value that nobody could guess; or a text between marks, which are made of a number that nobody could guess.
    `is_shown`: it has to be somewhere in the body; else it was asked for with no intention to show it.
    `is_personal`: the text is for its visitor alone, not what anybody would have got.
    """

    name: str
    value: bytes
    mark: bytes = b""
    is_shown: bool = True
    is_personal: bool = False

    @property
    def whole(self) -> bytes:
        """What stands in a body for it."""
        return mark(self.mark) + self.value + mark(self.mark) if self.mark else self.value

    @property
    def secret(self) -> bytes:
        """What nobody could guess."""
        return self.mark or self.value


def mark(number: bytes) -> bytes:
    """Return a mark: escaped in whatever way, it is none any more."""
    return number + CANARY + number


class Cut(NamedTuple):
    """A body without what it was given, the holes there, and the names of what has no place in it or left a part."""

    body: bytes
    holes: tuple[Hole, ...] = ()
    lost: tuple[str, ...] = ()


def cut(body: bytes, given: Sequence[Given], beside: bytes = b"") -> Cut:
    """Cut out of a body what it was given; what is sent `beside` it may hold none of that."""
    if not given:
        return Cut(body)
    names = {one.whole: one.name for one in given}
    if len(names) > MOST:
        return Cut(body, lost=(given[0].name,))
    found = sorted((at, whole) for whole in names for at in _places(body, whole))
    pieces, holes, length, position = [], [], 0, 0
    for at, whole in found:
        if at < position:  # a token in a hole of the site's
            continue
        pieces.append(body[position:at])
        length += at - position
        position = at + len(whole)
        holes.append(Hole(length, names[whole]))
    rest = b"".join((*pieces, body[position:]))
    all_else = b"\n".join((rest, beside))
    there = {whole for _, whole in found}
    lost = (
        one.name
        for one in given
        if (one.is_shown and one.whole not in there) or any(is_in(all_else, one))
    )
    return Cut(rest, tuple(holes), tuple(lost))


def _places(body: bytes, whole: bytes) -> Iterator[int]:
    at = body.find(whole)
    while at >= 0:
        yield at
        at = body.find(whole, at + len(whole))


def is_in(text: bytes, given: Given) -> Iterator[bool]:
    """Whether parts of what a page was given are in a text that should have none, as they are or turned into others."""
    for form in _forms(given.secret):
        yield any(form[at : at + FEWEST] in text for at in range(0, len(form) - FEWEST + 1, FEWEST))
    if given.is_personal:
        words = TAG.sub(b"", given.value).strip()
        yield len(words) >= TELLING and words in text


def _forms(secret: bytes) -> Iterator[bytes]:
    """Yield a secret as it is, and as templates, JSON and data attributes turn it."""
    yield from {secret, secret[::-1], secret.upper(), secret.lower(), secret.swapcase()}
    yield secret.hex().encode()
    for shift in range(3):  # where in a longer text it may stand
        yield b64encode(bytes(shift) + secret)[4:-4]


def has_nonce(body: bytes) -> bool:
    """Whether a nonce is left in a page: who sends it, and in what header, is not known."""
    is_named = b"nonce=" in body.lower()  # as a rule not, and that is found out faster
    return is_named and NONCED.search(body) is not None


def uncovered(body: bytes, given: Iterable[Given]) -> bytes:
    """Return the body without marks, escaped and cut ones too, for the client that it was made for."""
    numbers = _numbers(given)
    return _without_rests(_without_marks(body, numbers), numbers) if numbers else body


def _numbers(given: Iterable[Given]) -> tuple[bytes, ...]:
    return tuple(one.mark for one in given if one.mark)


def _without_marks(body: bytes, numbers: Iterable[bytes]) -> bytes:
    for number in numbers:
        body = b"".join(_outside(body, number))
    return body


def _outside(body: bytes, number: bytes) -> Iterator[bytes]:
    """Yield what stands outside of the marks of a number: of the same one twice, and of the little between."""
    position, at = 0, body.find(number)
    while at >= 0:
        begun = at + len(number)
        other = body.find(number, begun, begun + LONGEST_CANARY + len(number))
        if other < 0:
            at = body.find(number, at + 1)
            continue
        yield body[position:at]
        position = other + len(number)
        at = body.find(number, position)
    yield body[position:]


def _without_rests(body: bytes, numbers: Iterable[bytes]) -> bytes:
    if MANY_DIGITS not in body.translate(TO_ZEROS):  # as a rule, and far faster found out so
        return body
    return DIGITS.sub(
        lambda found: b"" if any(found[0] in number for number in numbers) else found[0], body
    )


class Uncovering:
    """Takes the marks off a stream; what may be the beginning of one is held back until more is there."""

    def __init__(self, given: Sequence[Given]) -> None:
        self._numbers, self._held = _numbers(given), b""
        self._longest = max(2 * len(one.mark) for one in given) + LONGEST_CANARY

    def feed(self, part: bytes) -> bytes:
        """Return what is sure of the stream so far."""
        body = _without_marks(self._held + part, self._numbers)
        sure, self._held = body[: -self._longest], body[-self._longest :]
        return _without_rests(sure, self._numbers)

    def rest(self) -> bytes:
        """Return the end."""
        return _without_rests(self._held, self._numbers)


def fill(body: bytes, holes: Iterable[Hole], values: Mapping[str, bytes]) -> bytes:
    """Return the body with a value in each hole."""
    pieces, position = [], 0
    for at, name in holes:
        if at != NOWHERE:
            pieces += [body[position:at], values[name]]
            position = at
    return b"".join((*pieces, body[position:]))
