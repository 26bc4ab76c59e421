"""The page of the documentation that holds the last figures."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.report import BUSY, Table, markdown

PAGE = """# Benchmarks

Written by this command; run it to get the figures of your machine:

```
{command}
```

On {facts}.

## Hits over HTTP

{conditions}.

{http}

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
CONTRAST = """
## Right answers

By `python -m benchmarks.stale` and `python -m benchmarks.visitors`: 26 ways of writing against 7 pages (14 of
the 182 pairs are writes that change nothing on a page), and 300 visitors, each with a User-Agent, analytics cookies and
campaign parameters of its own, at 5 pages.

{contrast}"""


def page(
    command: str,
    facts: Sequence[str],
    conditions: str,
    tables: tuple[Table, Table],
    contrast: str = "",
) -> str:
    """Return the page."""
    http, calls = map(markdown, tables)
    text = PAGE.format(
        command=command,
        facts="; ".join(facts),
        conditions=conditions,
        http=http,
        calls=calls,
        busy=BUSY,
    )
    return text + (CONTRAST.format(contrast=contrast) if contrast else "")
