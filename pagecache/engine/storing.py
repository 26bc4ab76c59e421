"""Storing: save what a view answered, if nothing speaks against it and no data moved meanwhile."""

from collections.abc import Iterable
from typing import Any

from pagecache import conf, versions
from pagecache.core import codec
from pagecache.core.codec import Entry
from pagecache.core.keys import digest
from pagecache.core.reasons import Reason
from pagecache.core.rules import RESPONSE_RULES, first
from pagecache.core.types import Found, Input, Outcome, Refused, remember, without_covered
from pagecache.core.vector import Plan, Watched
from pagecache.engine.effects import Announce, Classify, Fetch, Put, Save
from pagecache.engine.visit import (
    MOST,
    Flow,
    Visit,
    decode_recipe,
    encode_recipe,
    key_material,
    known_tags,
    recipes,
)
from pagecache.invalidation import site_names, writes
from pagecache.tags import PAGE, page_tag

PATH_SECONDS = 86400.0  # what is known of one path; losing it costs one render


def store(visit: Visit, response: Any, now: float) -> Flow:
    """Store a page; gives the outcome, raises Refused."""
    found = visit.found
    answered = visit.answered(response, now)
    if (reason := first(RESPONSE_RULES, answered)) is not None:
        if found.forward == "stale":  # an entry that was servable once must not come back
            yield Put({found.key: b""}, 1.0, visit.alias)
            yield Announce([page_tag(visit.path)])
        return Outcome(found.forward, reason)
    visit.seal()
    yield from _hold_segment(visit)
    inputs = yield from _widen(visit, visit.reads(response))
    if not writes.unannounced().isdisjoint(visit.recorder.tags):
        raise Refused(Reason.UNANNOUNCED)
    sealed = key_material(visit, inputs)
    entry = visit.capture(response, inputs, sealed, (now, answered.lifetime))
    _hold_for_replicas(found, entry.tags)
    saved = yield from _save(visit, entry, answered.lifetime, inputs)
    if not saved:
        raise Refused(Reason.MOVED)
    return Outcome(found.forward, stored=True, ttl=answered.lifetime)


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


def _widen(visit: Visit, reads: frozenset[Input]) -> Flow:
    """Return the inputs that the page's key holds: those known, and those that this render read.

    Where narrower entries may exist they die first, in every process, and this page is not stored yet.
    """
    found, name = visit.found, site_names().recipe(visit.path)
    known = frozenset(found.recipe)
    reads = without_covered(known | reads)
    if found.has_recipe and not reads <= known:
        (data,) = yield Fetch([name])  # another process may have widened it
        known |= frozenset(decode_recipe(data) or ())
    inputs = tuple(sorted(known | reads))
    if len(inputs) > visit.max_inputs:
        raise Refused(Reason.TOO_MANY_INPUTS)
    key_material(visit, inputs)  # a render that cannot be stored widens nothing
    remember(recipes, visit.path, inputs, MOST)
    if found.has_recipe and not reads <= known:
        yield Put({name: encode_recipe(inputs)}, PATH_SECONDS)
        yield Announce([page_tag(visit.path)])
        raise Refused(Reason.WIDENED)
    return inputs


def _save(visit: Visit, entry: Entry, ttl: float | None, inputs: tuple[Input, ...]) -> Flow:
    found, names = visit.found, site_names()
    key = found.key = names.entry(digest(entry.material))
    head, tail = codec.encode(entry)
    recipe = (names.recipe(visit.path), encode_recipe(inputs), PATH_SECONDS)
    plan = Plan(
        star=names.version(versions.STAR),
        star_start=found.star,
        tags=tuple(_watched(tag, found.starts.get(tag)) for tag in entry.tags),
        key=key if visit.alias is None else None,
        head=head,
        tail=tail,
        ttl=ttl,
        beside=None if found.has_recipe else recipe,
    )
    vector = yield Save(plan)
    remember(known_tags, key, entry.tags, MOST)
    if vector is not None and visit.alias is not None:
        yield Put({key: b"".join((head, *vector, tail))}, ttl, visit.alias)
    return vector is not None


def _watched(tag: str, start: bytes | None) -> Watched:
    ttl = PATH_SECONDS if tag.startswith(PAGE) else versions.VERSION_SECONDS
    return Watched(site_names().version(tag), start, versions.fresh(), ttl)
