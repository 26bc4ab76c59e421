"""What a request says to caches, where the site lets visitors have a say (RFC 9111 5.2.1, 5.4)."""

from collections.abc import Mapping

from pagecache.core.headers import cache_control, seconds

Directives = Mapping[str, tuple[str, ...]]
NONE: Directives = {}


def directives(control: str | None, pragma: str) -> Directives:
    """Return the directives of Cache-Control; where there is none, those of Pragma."""
    return cache_control(pragma if control is None else control)


def allow(stated: Directives, age: float, left: float) -> bool:
    """Whether a page of some age may answer, that stays fresh for some seconds (infinite: for ever).

    One that has ended, so many seconds ago (`left` below 0), may for whoever does not mind (RFC 9111 5.2.1.1, 5.2.1.2).
    """
    if not stated:
        return True
    if "no-cache" in stated or (left < 0 and not _takes_stale(stated, -left)):
        return False
    if "max-age" in stated and age > seconds(stated["max-age"]):
        return False
    wanted = stated.get("min-fresh", ())
    return all(_is_number(one) and seconds((one,)) <= left for one in wanted)


def _takes_stale(stated: Directives, past: float) -> bool:
    """Whether a page will do that ended some seconds ago; `max-stale` alone takes one of any age."""
    if "max-stale" not in stated:
        return "max-age" not in stated
    return all(not most or past <= seconds((most,)) for most in stated["max-stale"])


def _is_number(argument: str) -> bool:
    return argument.isascii() and argument.isdigit()
