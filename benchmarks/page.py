"""The page of the documentation that holds the last figures."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.report import BUSY, Table, markdown
from benchmarks.writes import BOUND, CONNECTIONS, ROUNDS, SECONDS

PAGE = """# Benchmarks

Written by this command; run it to get the figures of your machine:

```
{command}
```

On {facts}.

## Hits over HTTP

{conditions}.

{http}

![Answers a second]({chart})

Each row is a real server with the same site, all beside the same Redis; only one is asked at a time. Medians of the
rounds, and the lowest and highest. The ratios are taken round by round. `CPU µs` is the processor time of the server
for an answer: it moves less than the rates where other programs are busy too.

Every answer is checked: the status, the whole body, that it is the kept one (that of "no cache" is made anew), and for
pagecache that `Cache-Status` says `hit`; `wrong` counts those that were not so. The load generator is one thread in a
process of its own. `asker busy` is the part of the time in which it worked rather than waited: from {busy:.0%} on it
counts as the limit, and the row shows at least so much.

## Hits in process

{calls}

The application is called as a server calls it, with nothing between. The trips alone fetch a page and four versions, as
many keys as a hit of this page asks for.
"""
PRECISION = """
## What an edit drops

{precision}

By `python -m benchmarks.precision`. The film pages, by slug, and the list pages (all films, genres, decades, studios)
of the demo site are warm, on SQLite and Redis. Then one film is saved through its form in the admin, first with another
editor's note, then with another title, and all pages are asked for again. Those "had to go" whose bytes change on the
same site without a cache, tokens of forms apart; dropped "without need" are those whose bytes do not; "stale" are
answers that are not what the site without a cache gives.

A page counts as dropped when its answer asked the database. django-cachalot keeps the results of queries, not pages:
there it means that at least one query of the page went to the database.

Each system is set up as its documentation says, in a process of its own. pagecache is the middleware, and the views
say nothing. With django-cacheops, `cached_view_as` is told for each view what it depends on: models, or querysets of
the film, genre or studio that is asked for, in a local function. django-cachalot is in `INSTALLED_APPS`. The films that
are similar to a film are a page of their own on this site, and not among those that are counted.
"""
CONTRAST = """
## Right answers

By `python -m benchmarks.stale` and `python -m benchmarks.visitors`: 26 ways of writing against 7 pages (14 of
the 182 pairs are writes that change nothing on a page), and 300 visitors, each with a User-Agent, analytics cookies and
campaign parameters of its own, at 5 pages.

{contrast}"""
WRITES = """
## While somebody writes

{writes}

By `python -m benchmarks.writes`: a thousand pages that show a row each are asked for at random, by {connections}
connections, {rounds} rounds of {seconds:g} s for each line. Somebody saves rows meanwhile, in a process of its own;
each save drops one page. An answer is stale if, before it was asked for, a save of its row had returned with something
newer; beyond the bound, if it had {bound:g} s before, which is the default of `PUSH_BOUND`.
"""
FLOOD = """
## Under a flood

By `python -m benchmarks.flood`: visitors ask for 500 pages, some far more often than others, and between any two of
them a crawler asks for four pages that nobody asked for before. The Redis has room for about a thousand pages of 12 kB
(`allkeys-lru`). The hits are those of the visitors, without the crawler.

{flood}"""
HUNG = """
## While the Redis hangs

By `python -m benchmarks.hung`: two servers of one site, without a cache and with pagecache and its default
`STORE_BUDGET`, are asked in turns. Then the Redis is stopped, which takes connections then and never answers, and goes
on later. What a request loses is what it took beyond the median without a cache.

{hung}"""


def page(  # noqa: PLR0913 each is a part of it
    command: str,
    facts: Sequence[str],
    conditions: str,
    tables: Sequence[Table],
    *,
    chart: str,
    contrast: str = "",
    flood: str = "",
    hung: str = "",
    writes: Table | None = None,
) -> str:
    """Return the page; of the tables, the third may be missing."""
    http, calls, *precision = map(markdown, tables)
    text = PAGE.format(
        chart=chart,
        command=command,
        facts="; ".join(facts),
        conditions=conditions,
        http=http,
        calls=calls,
        busy=BUSY,
    )
    if precision:
        text += PRECISION.format(precision=precision[0])
    if writes:
        text += WRITES.format(
            writes=markdown(writes),
            connections=CONNECTIONS,
            rounds=ROUNDS,
            seconds=SECONDS,
            bound=BOUND,
        )
    text += CONTRAST.format(contrast=contrast) if contrast else ""
    text += FLOOD.format(flood=flood) if flood else ""
    return text + (HUNG.format(hung=hung) if hung else "")
