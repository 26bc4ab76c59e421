"""Look-up: find the entry for a request and prove it current."""

import time
from collections.abc import Collection, Mapping, Sequence

from django.conf import settings

from pagecache import conf, versions
from pagecache.announcing import announcer, site_names, site_store
from pagecache.core import codec
from pagecache.core.codec import Entry
from pagecache.core.directives import allow
from pagecache.core.freshness import longest_wait
from pagecache.core.keys import digest
from pagecache.core.reasons import Reason
from pagecache.core.types import HOLE, MESSAGES, Found, Input, Refused, Way, remember
from pagecache.core.vector import VERSION_BYTES, is_version, versions_in
from pagecache.engine.effects import Announce, Classify, Fetch, Lease, Prepare, Put
from pagecache.engine.visit import (
    MOST,
    PATH_SECONDS,
    Flow,
    Visit,
    barred,
    decode_recipe,
    key_material,
    known_tags,
    local,
    popularity,
    recipes,
    stored_uris,
    unsafe,
)
from pagecache.recording.recorder import recorder
from pagecache.stores.base import PROBE
from pagecache.stores.local import Held
from pagecache.tags import SITE, page_tag
from pagecache.writes import writes

Versions = dict[str, bytes | None]
DIFFERS = 16  # bytes behind a vector in which no two entries are the same: a checksum or a seal
OF_MESSAGES = Input(MESSAGES)
BUSY_SECONDS = 10.0  # after an unsafe request


def look_up(visit: Visit) -> Flow:
    """Find the entry for a request and prove it current; start versions are read on the way."""
    found = visit.found
    current: Versions = {}
    yield from ready(visit)
    if visit.path in barred and barred[visit.path] > time.time():
        raise Refused(Reason.BARRED)
    if visit.is_segmented:
        yield Classify(visit)
    recipe = recipes.get(visit.path)
    if recipe is None:
        recipe = yield from _recall(visit, current)
    if recipe is None:
        return
    found.recipe, found.has_recipe = recipe, True
    way = visit.asked.way
    if way is not None and way.recipe != recipe:
        visit.asked.lose_way()
        way = None
    if way is None:
        if visit.is_ahead and _needs_site(visit, recipe):
            if found.star is None:
                yield from _fetch(visit, current, _base(visit))
            return
        if _may_have_messages(visit, recipe):
            yield Prepare(visit)
        wanted = key_material(visit, recipe)
        key = site_names().entry(digest(wanted))
        way = Way(recipe, wanted, key, is_counted=visit.admission.hits > 1)
    yield from _match(visit, way, current)


def look_up_again(visit: Visit) -> Flow:
    """Look up anew, as if the request came only now; but what it has read is from when it came."""
    before = visit.found
    visit.found = Found(counted=before.counted)
    visit.asked_view = {}
    if recorder() is visit.recorder:
        visit.found.star, visit.found.since = before.star, before.since
        visit.found.starts = before.starts
    yield from look_up(visit)


def _match(visit: Visit, way: Way, current: Versions) -> Flow:
    """Find the entry that a way leads to and prove it current; one that is used has others led there."""
    found, wanted = visit.found, way.material
    found.key = way.key
    if way.is_counted:
        count(visit, found.key)
    may_be_held = conf.get().options.LOCAL and visit.alias is None
    proved = (yield from _held(visit, wanted, current)) if may_be_held else None
    is_held = proved is not None
    if not is_held:
        proved = yield from _stored(visit, wanted, current)
    if proved is None:
        return
    entry, vector = proved
    _hold_to_announced(entry)
    found.vector = vector
    _choose(visit, entry, time.time())
    if found.entry is None and is_held:  # as told, maybe, which may be late
        if not current.keys() >= set(entry.tags):
            yield from _fetch(visit, current, entry.tags)
        if not is_current(entry.tags, vector, current):
            local.drop(found.key)
            found.ended = found.reserve = None
            return
    if found.entry is None and entry.lasts:
        visit.ask_about(entry)
    if found.entry is not None and visit.is_ahead and visit.asked.way is None:
        tells = settings.DEBUG or conf.get().options.REVEAL is not None
        visit.asked.found_way(way._replace(is_plain=_is_plain(visit, way), tells=tells))


def _hold_to_announced(entry: Entry) -> None:
    """Refuse where something of the page's is still to be announced, or another thread could not announce meanwhile."""
    if not writes.unannounced().isdisjoint(entry.tags):
        raise Refused(Reason.UNANNOUNCED)
    if announcer.owed:
        raise Refused(Reason.OWED)


def _is_plain(visit: Visit, way: Way) -> bool:
    """Whether pages like the one that was found are served without regard to chance, who asks, or how many do."""
    options = conf.get().options
    by_chance = options.VERIFY or options.SHADOW or options.EARLY_REFRESH
    is_apart = way.is_counted or visit.alias is not None
    return not (by_chance or visit.asked.directives or is_apart)


def _held(visit: Visit, wanted: bytes, current: Versions) -> Flow:
    """Give the entry that this process holds for some key material, and its vector, if that is current."""
    found = visit.found
    held = local.get(found.key, time.time(), site_store().history)
    if held is None or held.entry.material != wanted:
        return None
    stands = site_store().vouch(held)
    if stands is None:
        yield from _fetch(visit, current, held.entry.tags)
        stands = is_current(held.entry.tags, held.vector, current)
    if not stands:
        local.drop(found.key)
        return None
    found.is_there, found.forward, found.seen = True, "stale", held.seen
    entry = visit.opened(held.entry)
    return None if entry is None else (entry, held.vector)


def _stored(visit: Visit, wanted: bytes, current: Versions) -> Flow:
    """Give the entry that the store has for some key material, and its vector, if that is current."""
    found = visit.found
    tags = known_tags.get(found.key) or _base(visit)
    data = yield from _fetch(visit, current, tags, found.key, visit.alias)
    found.seen = (data or b"")[:PROBE]
    decoded = codec.decode(data, found.key, conf.get().sealer) if data else None
    if decoded is None or decoded[0].material != wanted:
        stored, end = stored_uris.get(visit.uri, (found.key, 0.0))
        if stored != found.key and end > found.since:
            found.forward = "vary-miss"
        return None
    found.is_there = True
    entry, vector = visit.opened(decoded[0]), decoded[1]
    if entry is None:
        return None
    if entry.tags != tags:
        remember(known_tags, found.key, entry.tags, MOST)
        unknown = [tag for tag in entry.tags if tag not in current]
        yield from _fetch(visit, current, unknown)
    found.forward = "stale"
    now = time.time()
    if entry.expires + max(entry.grace, entry.overlap, longest_wait(entry)) <= now:
        return None
    if not is_current(entry.tags, vector, current):
        since = yield from _moved_softly(entry, vector, current, now)
        if since is None:
            return None
        ended = min(entry.expires, since)
        return entry._replace(expires=ended, grace=0.0, lasts=False), vector
    options = conf.get().options
    if options.LOCAL and visit.alias is None and decoded[0].expires > now:
        keys = site_names().versions(entry.tags) if options.LOCAL == "push" else ()
        seen = data[: min(PROBE, codec.HEAD.size + len(vector) + DIFFERS)]
        local.put(found.key, Held(*decoded, keys, seen), options.LOCAL_BYTES)
    return entry, vector


def count(visit: Visit, key: str) -> None:
    """Count a request for the page under a key, once, where new pages must be asked for more often than that."""
    if visit.admission.hits > 1 and visit.found.counted != key:
        visit.found.counted = key
        popularity.note(key, time.monotonic())


def _choose(visit: Visit, entry: Entry, now: float) -> None:
    """Take an entry that is current for what it may be: the page, or one that stands in for it."""
    now = max(now, entry.created)  # by the clock of another machine
    found, is_fresh = visit.found, entry.expires > now
    is_allowed = allow(visit.asked.directives, entry.age + now - entry.created, entry.expires - now)
    if is_fresh and not is_allowed:
        found.forward = "request"
    elif is_fresh:
        found.entry = entry
    elif is_allowed:
        found.reserve = entry if entry.expires + entry.grace > now else None
        found.ended = entry if entry.expires + entry.overlap > now else None


def _moved_softly(
    entry: Entry, vector: bytes, current: Mapping[str, bytes | None], now: float
) -> Flow:
    """Give since when the data of an entry has moved, in seconds since the epoch, if that was softly and once.

    None else, and for an entry that may not, or not any more, be served while it is made anew.
    """
    moved = {}
    for tag, version in zip(entry.tags, versions_in(vector), strict=True):
        there = current[tag]
        if version == there:
            continue
        if there is None or not is_version(there) or not versions.is_soft(there):
            return None
        moved[tag] = version + there
    born = (versions.born(both[VERSION_BYTES:]) for both in moved.values())
    since = min(now, *born)  # by the clocks of other machines
    if since + entry.overlap <= now:
        return None
    said = yield Fetch([site_names().softly(tag) for tag in moved])
    return since if said == list(moved.values()) else None


def is_still_current(visit: Visit, entry: Entry) -> Flow:
    """Whether no data of an entry that was found has moved since."""
    current: Versions = {}
    yield from _fetch(visit, current, entry.tags)
    is_announced = writes.unannounced().isdisjoint(entry.tags)
    return is_announced and is_current(entry.tags, visit.found.vector, current)


def _needs_site(visit: Visit, recipe: Collection[Input]) -> bool:
    """Whether pages of these inputs are for what the site's own middleware finds out about, or does for, a visitor."""
    has_holes = any(item.kind == HOLE for item in recipe)
    return has_holes or visit.asked.keeps_session or _may_have_messages(visit, recipe)


def _may_have_messages(visit: Visit, recipe: Collection[Input]) -> bool:
    return OF_MESSAGES in recipe and visit.asked.has_session_cookie


def is_current(tags: Sequence[str], vector: bytes, current: Mapping[str, bytes | None]) -> bool:
    """Whether a vector equals, element by element, the versions just read; absent equals nothing."""
    return versions_in(vector) == tuple(current[tag] for tag in tags)


def begin(visit: Visit) -> Flow:
    """Read start versions before the site's middleware runs, for a page that is looked up behind it."""
    yield from ready(visit)
    yield from _fetch(visit, {}, _base(visit))


def _base(visit: Visit) -> tuple[str, ...]:
    """Return the tags that every page of the path has."""
    return SITE, page_tag(visit.path)


def ready(visit: Visit) -> Flow:
    """Pay what is owed; refuse where that fails, or a snapshot would hide what others announce."""
    if announcer.owed:
        visit.found.glance = None  # it is older than what is announced
        yield Announce()
        if announcer.owed:
            raise Refused(Reason.OWED)
    if site_store().is_frozen():
        raise Refused(Reason.TRANSACTION)


def _recall(visit: Visit, current: Versions) -> Flow:
    """Learn from the store which inputs the path is known to read."""
    name = site_names().recipe(visit.path)
    data = yield from _fetch(visit, current, _base(visit), name)
    visit.found.seen = (data or b"")[:PROBE]
    recipe = decode_recipe(data, name)
    if recipe is not None:
        remember(recipes, visit.path, recipe, MOST)
    return recipe


def _begin_path(visit: Visit, read: Versions) -> Flow:
    """Give a path that is new a version before its view runs, where unsafe requests come in all the time.

    What is newly met counts as moved when anything moved: the first page would wait for a quiet moment.
    """
    for tag in [tag for tag in _base(visit) if read.get(tag, b"") is None]:
        lasting = versions.VERSION_SECONDS if tag == SITE else PATH_SECONDS
        read[tag] = yield from _begun(site_names().version(tag), lasting)


def _begun(key: str, seconds: float) -> Flow:
    """Create a version, unless another request has; whose it is does not matter, only that it does not move."""
    version = versions.fresh()
    there, _ = yield Lease(key, version, seconds, key)
    if there is None or is_version(there):
        return there or version
    yield Put({key: version}, seconds)
    return version


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
        star, *values = yield from _values(visit, keys)
    else:
        data, star, *values = yield from _values(visit, (key, *keys))
    read: Versions = dict(zip(tags, values, strict=True))
    if found.star is None:
        found.since = time.time()
        if not is_version(star):
            star = yield from _begun(keys[0], versions.VERSION_SECONDS)
        elif unsafe.at > found.since - BUSY_SECONDS:
            yield from _begin_path(visit, read)
        found.star = star
    current.update(read)
    for tag in visit.starts_anew():
        read.pop(tag, None)
    found.starts = read | found.starts
    return data


def _values(visit: Visit, keys: tuple[str, ...]) -> Flow:
    """Give the values of keys: those that came a moment ago, at a glance, if these keys were asked for."""
    before, visit.found.glance = visit.found.glance, None
    values = None if before is None else before.values_of(keys)
    return (yield Fetch(keys)) if values is None else values
