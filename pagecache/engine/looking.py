"""Look-up: find the entry for a request and prove it current."""

import time
from collections.abc import Mapping, Sequence

from pagecache import versions
from pagecache.core import codec
from pagecache.core.keys import digest
from pagecache.core.reasons import Reason
from pagecache.core.types import Refused, remember
from pagecache.core.vector import VERSION_BYTES, is_version
from pagecache.engine.effects import Announce, Classify, Fetch, Put
from pagecache.engine.visit import (
    MOST,
    Flow,
    Visit,
    decode_recipe,
    key_material,
    known_tags,
    recipes,
)
from pagecache.invalidation import announcer, site_names, site_store, writes
from pagecache.tags import SITE, page_tag

Versions = dict[str, bytes | None]


def look_up(visit: Visit) -> Flow:
    """Find the entry for a request and prove it current; start versions are read on the way."""
    found = visit.found
    current: Versions = {}
    if announcer.owes:
        yield from _pay()
    _hold_off()
    if visit.is_segmented:
        yield Classify(visit)
    recipe = recipes.get(visit.path)
    if recipe is None:
        recipe = yield from _recall(visit, current)
    if recipe is None:
        return
    found.recipe, found.has_recipe = recipe, True
    wanted = key_material(visit, found.recipe)
    found.key = site_names().entry(digest(wanted))
    tags = known_tags.get(found.key) or _base(visit)
    data = yield from _fetch(visit, current, tags, found.key, visit.alias)
    decoded = codec.decode(data) if data else None
    if decoded is None or decoded[0].material != wanted:
        return
    entry, vector = decoded
    if entry.tags != tags:
        remember(known_tags, found.key, entry.tags, MOST)
        unknown = [tag for tag in entry.tags if tag not in current]
        yield from _fetch(visit, current, unknown)
    found.forward = "stale"
    if entry.expires > time.time() and is_current(entry.tags, vector, current):
        if not writes.unannounced().isdisjoint(entry.tags):
            raise Refused(Reason.UNANNOUNCED)
        found.entry = entry


def is_current(tags: Sequence[str], vector: bytes, current: Mapping[str, bytes | None]) -> bool:
    """Whether a vector equals, element by element, the versions just read; absent equals nothing."""
    made_from = [vector[at : at + VERSION_BYTES] for at in range(0, len(vector), VERSION_BYTES)]
    return made_from == [current[tag] for tag in tags]


def begin(visit: Visit) -> Flow:
    """Read start versions before the site's middleware runs, for a page that is looked up behind it."""
    if announcer.owes:
        yield from _pay()
    _hold_off()
    yield from _fetch(visit, {}, _base(visit))


def _base(visit: Visit) -> tuple[str, ...]:
    """Return the tags that every page of the path has."""
    return SITE, page_tag(visit.path)


def _pay() -> Flow:
    yield Announce()
    if announcer.owes:
        raise Refused(Reason.OWED)


def _hold_off() -> None:
    """Refuse where a snapshot would hide what others announce."""
    if site_store().is_frozen():
        raise Refused(Reason.TRANSACTION)


def _recall(visit: Visit, current: Versions) -> Flow:
    """Learn from the store which inputs the path is known to read."""
    name = site_names().recipe(visit.path)
    recipe = decode_recipe((yield from _fetch(visit, current, _base(visit), name)))
    if recipe is not None:
        remember(recipes, visit.path, recipe, MOST)
    return recipe


def _fetch(
    visit: Visit,
    current: Versions,
    tags: Sequence[str],
    key: str | None = None,
    alias: str | None = None,
) -> Flow:
    """Read `*` and versions, and the value of a key: in one trip, unless that is kept elsewhere (`alias`)."""
    found = visit.found
    keys = site_names().versions((versions.STAR, *tags))
    if key is None or alias is not None:
        data = None if key is None else (yield Fetch((key,), alias))[0]
        star, *values = yield Fetch(keys)
    else:
        data, star, *values = yield Fetch((key, *keys))
    if found.star is None:
        found.since = time.time()
        if not is_version(star):
            star = versions.fresh()
            yield Put({keys[0]: star}, versions.VERSION_SECONDS)
        found.star = star
    read = dict(zip(tags, values, strict=True))
    current.update(read)
    for tag in (
        visit.recorder.tags
    ):  # data that was read before its version was, behind the site's middleware
        read.pop(tag, None)
    found.starts = read | found.starts
    return data
