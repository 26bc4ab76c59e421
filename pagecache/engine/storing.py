"""Storing: save what a view answered, if nothing speaks against it and no data moved meanwhile."""

import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pagecache import conf, versions
from pagecache.announcing import site_names
from pagecache.core import codec
from pagecache.core.codec import FOREVER, Entry
from pagecache.core.freshness import longest_wait, shortened
from pagecache.core.keys import digest
from pagecache.core.reasons import Reason
from pagecache.core.rules import RESPONSE_RULES, first
from pagecache.core.types import (
    WHOLE_QUERY,
    Found,
    Input,
    Outcome,
    Refused,
    remember,
    without_covered,
)
from pagecache.core.vector import Plan, Watched
from pagecache.engine.effects import Announce, Classify, Compress, Fetch, Put, Save
from pagecache.engine.looking import count, ready
from pagecache.engine.visit import (
    MOST,
    PATH_SECONDS,
    Flow,
    Visit,
    decode_recipe,
    encode_recipe,
    key_material,
    known_tags,
    local,
    popularity,
    recipes,
    stored_uris,
    unsaved,
    variants,
)
from pagecache.tags import is_of_data, is_of_path, page_tag
from pagecache.writes import writes


def store(visit: Visit, response: Any, now: float) -> Flow:
    """Store a page; gives the outcome, raises Refused."""
    found = visit.found
    answered = visit.answered(response, now)
    if (reason := first(RESPONSE_RULES, answered)) is not None:
        if found.is_there:  # an entry that was servable once must not come back
            yield from drop(visit)
        return Outcome(found.forward, reason)
    visit.seal()
    yield from _hold_segment(visit)
    read = visit.reads(response)
    inputs, sealed = yield from _widen(visit, read)
    unannounced = writes.unannounced()
    if unannounced and not unannounced.isdisjoint(visit.recorder.tags):
        raise Refused(Reason.UNANNOUNCED)
    page = digest(sealed)
    _hold_for_admission(visit, site_names().entry(page))
    _hold_for_room(visit, page, now)
    if visit.gains(response, inputs):
        yield Compress(visit)
    # A page that its view found to be as it was keeps its life, which was shortened before.
    share = 0.0 if found.known is not None else conf.get().options.JITTER
    life = shortened(answered.lifetime, share, random.random())  # noqa: S311 no secret
    entry = visit.capture(response, inputs, sealed, (now, life))
    entry = entry._replace(
        grace=answered.grace, overlap=answered.overlap, took=found.took, lasts=answered.lasts
    )
    _hold_for_replicas(found, entry.tags)
    yield from ready(visit)
    yield from _save(visit, entry, _kept_for(entry), inputs)
    return Outcome(found.forward, stored=True, ttl=life)


def _kept_for(entry: Entry) -> float | None:
    """Return for how many seconds the store keeps a page, None for no limit: longer than it is served."""
    if entry.expires == FOREVER:
        return None
    kept = max(entry.grace, entry.overlap, longest_wait(entry))
    return entry.expires - entry.created + kept


def drop(visit: Visit) -> Flow:
    """Drop the entry that was found, and the path's others with it."""
    local.drop(visit.found.key)
    yield Put({visit.found.key: b""}, 1.0, visit.alias)
    yield Announce([page_tag(visit.path)])


def _hold_for_admission(visit: Visit, key: str) -> None:
    """Refuse a new page that was asked for too seldom, or made too quickly, to be worth its room in the store.

    Its recipe is kept here alone: one for each page that nobody asks for again would fill the store too.
    """
    found, least = visit.found, visit.admission
    if found.is_there:
        return
    count(visit, key)
    is_seldom = least.hits > 1 and popularity.count(key, time.monotonic()) < least.hits
    if not is_seldom and found.took >= least.cost:
        return
    if not found.has_recipe:
        remember(unsaved, visit.path, None, MOST)
    raise Refused(Reason.TOO_FEW_HITS if is_seldom else Reason.TOO_CHEAP)


def _hold_for_room(visit: Visit, page: str, now: float) -> None:
    """Refuse one page more than a path may have; one that was found in the store takes the place of the old one."""
    most = conf.get().options.MAX_VARIANTS
    if not visit.found.is_there and not variants.has_room(page_tag(visit.path), page, most, now):
        raise Refused(Reason.TOO_MANY_VARIANTS)


def _hold_for_replicas(found: Found, tags: Iterable[str]) -> None:
    """Refuse where data changed so shortly before the look-up that a replica may not have had it."""
    lag = conf.get().options.SETTLE_SECONDS
    versions_then = [found.starts.get(tag) or found.star for tag in tags] if lag else ()
    if any(version and versions.born(version) > found.since - lag for version in versions_then):
        raise Refused(Reason.SETTLING)


def _hold_segment(visit: Visit) -> Flow:
    """Refuse where the request changed the visitor's class, by logging in or out for example."""
    if visit.is_segmented:
        before = visit.segment
        yield Classify(visit)
        if visit.segment != before:
            raise Refused(Reason.NO_SEGMENT)


def _widen(visit: Visit, read: frozenset[Input]) -> Flow:
    """Return the inputs that the page's key holds, those known and those that this render read, and its key material.

    Where narrower entries may exist they die first, in every process, and this page is not stored yet.
    """
    found = visit.found
    known = frozenset(found.recipe)
    reads = without_covered(known | read)
    if found.has_recipe and not reads <= known:
        name = site_names().recipe(visit.path)
        (data,) = yield Fetch([name])  # another process may have widened it
        known |= frozenset(decode_recipe(data, name) or ())
    inputs = tuple(sorted(_within(visit.max_inputs, without_covered(known | reads), read)))
    sealed = key_material(visit, inputs, read)  # a render that cannot be stored widens nothing
    remember(recipes, visit.path, inputs, MOST)
    if found.has_recipe and not known.issuperset(inputs):
        name = site_names().recipe(visit.path)
        yield Put({name: encode_recipe(inputs, name)}, PATH_SECONDS)
        yield Announce([page_tag(visit.path)])
        raise Refused(Reason.WIDENED)
    return inputs, sealed


def _within(most: int, inputs: frozenset[Input], read: frozenset[Input]) -> frozenset[Input]:
    """Return the inputs, with the query as one where the parameters that other renders read fill the recipe."""
    if len(inputs) > most >= len(read):
        inputs = without_covered(inputs | {WHOLE_QUERY})
    if len(inputs) > most:
        raise Refused(Reason.TOO_MANY_INPUTS)
    return inputs


def _save(visit: Visit, entry: Entry, ttl: float | None, inputs: tuple[Input, ...]) -> Flow:
    found, names = visit.found, site_names()
    key = found.key = names.entry(digest(entry.material))
    head, tail = codec.encode(entry, key, conf.get().sealer)
    star_fresh, *fresh = versions.several(1 + len(entry.tags))
    plan = Plan(
        star=names.version(versions.STAR),
        star_start=found.star,
        star_fresh=star_fresh,
        star_ttl=versions.VERSION_SECONDS,
        tags=tuple(_watched(entry.tags, found.starts, fresh)),
        key=key if visit.alias is None else None,
        head=head,
        tail=tail,
        ttl=ttl,
        beside=_recipe(visit, inputs),
        lease=_given_up(visit),
    )
    vector = yield Save(plan)
    unsaved.pop(visit.path, None)
    remember(known_tags, key, entry.tags, MOST)
    local.drop(key)
    if isinstance(vector, Reason):
        raise Refused(vector)
    ended = entry.expires + longest_wait(entry)
    variants.add(page_tag(visit.path), digest(entry.material), ended)  # as short as a tag
    remember(stored_uris, visit.uri, (key, entry.expires), MOST)
    if visit.alias is not None:
        yield Put({key: b"".join((head, *vector, tail))}, ttl, visit.alias)


def _recipe(visit: Visit, inputs: tuple[Input, ...]) -> tuple[str, bytes, float] | None:
    """Return the path's recipe as it is saved beside the page, where the store has none."""
    if visit.found.has_recipe and visit.path not in unsaved:
        return None
    name = site_names().recipe(visit.path)
    return name, encode_recipe(inputs, name), PATH_SECONDS


def _given_up(visit: Visit) -> tuple[str, bytes] | None:
    """Return the lease that is given up as the page is saved; where that is kept elsewhere, only then."""
    turn = visit.found.turn
    if turn is None or not turn.in_store or visit.alias is not None:
        return None
    turn.in_store = False
    return turn.key, turn.token


def _watched(
    tags: Sequence[str], starts: Mapping[str, bytes | None], fresh: Iterable[bytes]
) -> Iterator[Watched]:
    keys, doubt = map(site_names().version, tags), conf.get().doubt
    for tag, key, version in zip(tags, keys, fresh, strict=True):
        ttl = PATH_SECONDS if is_of_path(tag) else versions.VERSION_SECONDS
        in_doubt = doubt if doubt and is_of_data(tag) else 0.0
        yield Watched(key, starts.get(tag), version, ttl, in_doubt)
