"""The page of the documentation that holds the last figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.report import BUSY
from benchmarks.writes import BOUND, CONNECTIONS, ROUNDS, SECONDS

PAGE = """# Benchmarks

Written by this command; run it to get the figures of your machine. `make bench` is a short form, of under ten minutes,
and `make bench FULL=1` takes all contenders, and all that follows:

```
{command}
```

On {facts}.
"""
HTTP = """
## Hits over HTTP

{conditions}.

{figures}

![Answers a second]({chart})

Each row is a real server with the same site, all beside the same Redis; only one is asked at a time. Medians of the
rounds, and the lowest and highest. The ratios are taken round by round. `CPU µs` is the processor time of the server
for an answer, with that of the cache before it where there is one, and without that of the Redis: it moves less than
the rates where other programs are busy too.

Every answer is checked: the status, the whole body, that it is the kept one (that of "no cache" is made anew), and, by
`Cache-Status` of pagecache and what nginx, Varnish and wagtail-cache say in a header of theirs, that it is a hit;
`wrong` counts those that were not so. The load generator is one thread in a process of its own, and keeps its
connections. An answer that is the last right one byte for byte, head and body, is compared with it at once, any other
in detail. `asker busy` is the part of the time in which it worked rather than waited: from {busy:.0%} on it counts as
the limit, and the row shows at least so much. No process is bound to a core: that made no row steadier.

The servers have one worker each, with their defaults but for that and logs: granian; gunicorn with its `gthread`
worker, also for one thread, since its plain worker hangs up after each answer; uvicorn with the parser and the event
loop that are named above, or its own where they are "not installed". nginx has one worker too, and keeps pages in
files; Varnish has its own number of threads, and keeps pages in memory. Both stand before the site without a cache, are
told to keep a page for an hour, and hear of no write. What is not installed where the command runs has a row that says
so.

The caches are set up as their documentation says: Django's, also on django-redis and on LocMemCache (which one worker
does not share with others); `cache_page` of django-fancy-cache, `cached_view_as(Text)` of django-cacheops, and the
middleware of wagtail-cache, all on Redis. "validate" and "push" are values of `LOCAL`. The floors do what no cache can
be faster than: one trip to Redis under Django, and no Django at all, with a page of the same length, and as many
headers as that needs or as a hit has. Under WSGI, connections to the database persist (`CONN_MAX_AGE`), for all alike.
"""
PARTS = {
    "calls": """
## Hits in process

{figures}

The application is called as a server calls it, with nothing between. The trips alone fetch a page and four versions, as
many keys as a hit of this page asks for.
""",
    "sizes": """
## Pages of several sizes

{figures}

Answers a second, and how many times those of Django's middleware on its RedisCache that is, with the lowest and highest
of the rounds; all else as above.
""",
    "connections": """
## More and fewer connections

{figures}

Answers a second, and how many times those of Django's middleware on its RedisCache that is, likewise.
""",
    "hits": """
## When not all are hits

{figures}

Answers a second, and how many times those of Django's middleware on its RedisCache that is. The others ask for pages
under addresses that nobody asked for before: the view makes them, and caches that can store them do. These are checked
wholly too, but for the header that says that an answer is a hit.
""",
    "writes": """
## While somebody writes

{figures}

By `python -m benchmarks.writes`, with `--full` for all rates: a thousand pages that show a row each are asked for at
random, by {connections} connections, at least {rounds} rounds of {seconds:g} s for each line. Somebody saves rows at
random meanwhile, in a process of its own; each save drops one page of pagecache. The first is before the clock starts,
also where none follows: it takes what a process takes once. The database is SQLite, whose readers do not wait for
writers (WAL). An answer is wrong if it is not wholly the page of a row, and stale if, before it was asked for,
a save of its row had returned with something newer; beyond the bound, if it had {bound:g} s before, which is the
default of `PUSH_BOUND`. What a hit took is told of those whose head says that it is one. `x p99 without writes` is
taken round by round.
""",
    "precision": """
## What an edit drops

{figures}

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
""",
    "stale": """
## Right answers

By `python -m benchmarks.stale` and `python -m benchmarks.visitors`: 26 ways of writing against 7 pages (14 of
the 182 pairs are writes that change nothing on a page), and 300 visitors, each with a User-Agent, analytics cookies and
campaign parameters of its own, at 5 pages.

{figures}
""",
    "flood": """
## Under a flood

By `python -m benchmarks.flood`: visitors ask for 500 pages, some far more often than others, and between any two of
them a crawler asks for four pages that nobody asked for before. The Redis has room for about a thousand pages of 12 kB
(`allkeys-lru`). The hits are those of the visitors, without the crawler.

{figures}
""",
    "hung": """
## While the Redis hangs

By `python -m benchmarks.hung`: two servers of one site, without a cache and with pagecache and its default
`STORE_BUDGET`, are asked in turns. Then the Redis is stopped, which takes connections then and never answers, and goes
on later. What a request loses is what it took beyond the median without a cache.

{figures}
""",
    "goals": """
## Goals

{figures}

What pagecache is to reach, and what it did in this run. The ratios are those of answers a second, by the tables above,
round by round, with the lowest and highest. Beside them is what they are by the processor time of the server for an
answer, which is steadier and knows nothing of waiting. Nothing fails where a goal is missed.
""",
}


def page(
    command: str,
    facts: Sequence[str],
    conditions: str,
    parts: Mapping[str, str],
    chart: str,
) -> str:
    """Return the page of what was measured, by the names of its parts, of which "http" is one."""
    text = PAGE.format(command=command, facts="; ".join(facts))
    text += HTTP.format(conditions=conditions, figures=parts["http"], chart=chart, busy=BUSY)
    words = {"connections": CONNECTIONS, "rounds": ROUNDS, "seconds": SECONDS, "bound": BOUND}
    chosen = (PARTS[name].format(figures=parts[name], **words) for name in PARTS if name in parts)
    return text + "".join(chosen)
