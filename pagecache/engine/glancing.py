"""A glance: where all is known of a request but whether its page stands, that is asked at once, without a flow.

All that a look-up would find is looked at. Where anything is not as it is for most requests, there is a look-up, which
goes on from what came: nothing is asked twice.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from pagecache import conf, versions
from pagecache.announcing import announcer, site_names, site_store
from pagecache.core import codec
from pagecache.core.codec import Entry
from pagecache.core.types import Way
from pagecache.core.vector import is_version, versions_in
from pagecache.engine.visit import barred, known_tags, local, recipes
from pagecache.stores.base import Pausing, Store, completed
from pagecache.stores.local import Held
from pagecache.writes import writes


@dataclass(slots=True)
class Glance:
    """What is to be asked for at the end of a plain way, and what came of that.

    `keys` are those whose values are asked for; there are none where the page that this process holds (`held`) stands
    without a question. Where it holds one, only versions are asked for.
    """

    way: Way
    store: Store
    tags: tuple[str, ...]
    keys: tuple[str, ...]
    held: Held | None = None
    _is_asked: bool = False
    _awaited: Pausing[list[bytes | None]] | None = None
    _values: Sequence[bytes | None] = ()
    _error: Exception | None = None

    def ask(self) -> bool:
        """Ask the store, unless that is done; return whether its answer is on its way, which leaves time."""
        if self.keys and not self._is_asked:
            self._is_asked, asked = True, self.store.fetching(self.keys)
            try:
                next(asked)
                self._awaited = asked
            except StopIteration as stop:
                self._values = stop.value
            except Exception as error:  # noqa: BLE001 the look-up raises it
                self._error = error
        return self._awaited is not None

    def leave(self) -> None:
        """Want no answer any more, unless another thread waits for it just now."""
        if self._awaited is not None:
            with suppress(ValueError):
                self._awaited.close()

    def page(self) -> Entry | None:
        """Ask, unless that is done; return the page, if it stands, and None where there is to be a look-up."""
        self.ask()
        try:
            if self._awaited is not None:
                self._values = completed(self._awaited)
            return self._page() if self._error is None else None
        except Exception as error:  # noqa: BLE001 the look-up raises it
            self._error = error
            return None

    async def arun(self) -> Entry | None:
        """Ask and return the page, on the event loop."""
        try:
            if self.keys:
                self._values = await self.store.afetch(self.keys)
            return self._page()
        except Exception as error:  # noqa: BLE001 the look-up raises it
            self._error = error
            return None

    def values_of(self, keys: Sequence[str]) -> Sequence[bytes | None] | None:
        """Return what came for some keys, None if others were asked for; raises what was raised instead."""
        if self.keys != keys:
            return None
        if self._error is not None:
            raise self._error
        return self._values

    def _page(self) -> Entry | None:
        entry = self._intact() if self.held is None else self._standing(self.held)
        if entry is None or writes.unannounced() or announcer.owed:
            return None
        return entry if _is_fresh(entry, time.time()) else None

    def _intact(self) -> Entry | None:
        """Return the page that came, if it is the one that was looked for, and is current."""
        data, star, *current = self._values
        sealer = (conf.last or conf.get()).sealer
        decoded = codec.decode(data, self.way.key, sealer) if data else None
        if decoded is None or not is_version(star):
            return None
        entry, vector = decoded
        is_it = entry.material == self.way.material and entry.tags == self.tags
        return entry if is_it and entry.is_whole and versions_in(vector) == tuple(current) else None

    def _standing(self, held: Held) -> Entry | None:
        """Return the page that is held, if it is current."""
        if self.keys:
            star, *current = self._values
            if not is_version(star) or held.versions != tuple(current):
                return None
        return held.entry


def glance(path: str, way: Way) -> Glance | None:
    """Return what to ask for where a way leads; None where there is to be a look-up first."""
    try:
        return _glance(path, way)
    except Exception:  # noqa: BLE001 the look-up raises it
        return None


def _glance(path: str, way: Way) -> Glance | None:
    store, now = site_store(), time.time()
    if (conf.last or conf.get()).options.LOCAL is None:
        tags = known_tags.get(way.key)
        if tags is None or not _is_led(store, path, way, now):
            return None
        return Glance(way, store, tags, (way.key, *_versions(tags)))
    held = _held(store, path, way, now)
    if held is None:
        return None
    stands = store.vouch(held)
    if stands is False:
        return None
    tags = held.entry.tags
    return Glance(way, store, tags, () if stands else _versions(tags), held)


def _is_led(store: Store, path: str, way: Way, now: float) -> bool:
    """Whether this is still the way, and pages may be served."""
    return (
        way.is_plain
        and recipes.get(path) == way.recipe
        and barred.get(path, 0) <= now
        and not announcer.owed
        and not store.is_frozen()
    )


def _held(store: Store, path: str, way: Way, now: float) -> Held | None:
    """Return the page that this process holds where a way still leads, if everybody gets it as it is."""
    held = local.get(way.key, now, store.history)
    if held is None or not held.is_plain or held.entry.material != way.material:
        return None
    return held if _is_led(store, path, way, now) else None


def _is_fresh(entry: Entry, now: float) -> bool:
    return entry.expires > max(now, entry.created)  # by the clock of another machine


def _versions(tags: tuple[str, ...]) -> tuple[str, ...]:
    return site_names().versions((versions.STAR, *tags))
