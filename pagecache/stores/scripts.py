"""Lua that a Redis runs: the steps of the protocol that must not be parted, where the data is.

What is no version, with marks or without, is absent. Times to live are in milliseconds, empty: no
limit. Marks follow a version of 16 bytes: 8 of an id, and 4 of the second, by the clock of the server, until which the
mark counts; that is a day ahead at most, and what is two days ahead or more is noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha1
from itertools import chain
from math import ceil
from struct import Struct

from pagecache.core.vector import Marking, Plan, Watched
from pagecache.stores.base import milliseconds

TAG = Struct(">16sQI")  # a fresh version, its ttl, the seconds of doubt: '>c16I8I4' in Lua


class Script:
    """A text of Lua, and the digest by which a server that has seen it knows it."""

    __slots__ = ("digest", "text")

    def __init__(self, *parts: str) -> None:
        self.text = "".join(parts)
        self.digest = sha1(self.text.encode(), usedforsecurity=False).hexdigest()


_SHARED = """
local function version(value)
  return type(value) == 'string' and #value >= 16 and (#value - 16) % 12 == 0 and value or ''
end
local function put(key, value, ttl)
  if ttl == '' then redis.call('SET', key, value) else redis.call('SET', key, value, 'PX', ttl) end
end
local function now() return tonumber(redis.call('TIME')[1]) end
local function marks(value, leaving, at_time)
  local kept = {}
  for at = 17, #value - 11, 12 do
    local id, until_then = struct.unpack('c8>I4', value, at)
    local left = until_then - at_time
    if left > 0 and left < 172800 and not leaving[id] then kept[#kept + 1] = value:sub(at, at + 11) end
  end
  return table.concat(kept)
end
local function mark(id, seconds, at_time)
  return id .. struct.pack('>I4', at_time + 1 + math.ceil(tonumber(seconds)))
end
local NOBODY = string.rep('\\0', 8)
"""

# `held_still` of the core. KEYS: the tags, `*`, the lease if there is one, the entry if it is to be saved, and what is
# saved beside it if anything. ARGV: the number of tags, whether there is an entry and something beside it, the start
# of `*`, the entry with the versions as they are likely to be, how many bytes stand before these, its ttl, the value
# and ttl beside, the next version of `*` and its ttl, the token of the lease (empty: none); then for each tag, as one:
# a fresh version, its ttl, the seconds of doubt (0: none), and its start (empty: newly met). Gives the versions saved
# with, "unsettled", or nothing. What is there is read at once, as much as Lua takes.
SAVE = Script(
    _SHARED,
    """
local count, has_entry, has_beside = tonumber(ARGV[1]), ARGV[2] == '1', ARGV[3] == '1'
local star, lease = count + 1, ARGV[12] ~= '' and count + 2
local entry = (lease or star) + 1
local there = {}
for first = 1, entry - 1, 1000 do
  local some = redis.call('MGET', unpack(KEYS, first, math.min(first + 999, entry - 1)))
  for i = 1, #some do there[first + i - 1] = some[i] end
end
local starts, ends, held, unsettled, lapsed = {}, {}, true, false, false
for i = 1, count do
  local fresh, ttl, doubt, at = struct.unpack('>c16I8I4', ARGV[12 + i])
  starts[i] = ARGV[12 + i]:sub(at)
  local value = version(there[i])
  if #value > 16 and marks(value, {}, now()) ~= '' then
    unsettled = true
  elseif #value ~= 16 then
    lapsed = lapsed or #value > 16
    ttl = string.format('%.0f', ttl) -- in digits alone
    if value == '' and doubt > 0 then
      unsettled = true
      put(KEYS[i], fresh .. mark(NOBODY, doubt, now()), ttl)
    else
      put(KEYS[i], fresh, ttl)
    end
    value = fresh
  end
  ends[i] = value
end
if lapsed then put(KEYS[star], ARGV[10], ARGV[11]) end
local star_still = not lapsed and #version(there[star]) == 16 and there[star] == ARGV[4]
for i = 1, count do
  if starts[i] == '' then held = held and star_still else held = held and starts[i] == ends[i] end
end
held = held and not unsettled
if held and has_entry then
  local vector, before = table.concat(ends), tonumber(ARGV[6])
  -- To put the entry together here would copy all of it twice.
  put(KEYS[entry], ARGV[5], ARGV[7])
  if ARGV[5]:sub(before + 1, before + #vector) ~= vector then
    redis.call('SETRANGE', KEYS[entry], ARGV[6], vector)
  end
end
if lease and there[lease] == ARGV[12] then redis.call('DEL', KEYS[lease]) end
if has_beside then put(KEYS[#KEYS], ARGV[8], ARGV[9]) end
return held and ends or (unsettled or lapsed) and 'unsettled'
""",
)

# An announcement that lets marks stand. KEYS: `*`, the tags, then what says how some of them moved. ARGV: the ttl of
# all, who is about to write (empty: nobody), the ids of those that ended, one after the other, the seconds for which a
# mark counts, the version of `*`; then for each tag a fresh version, whether a version that is absent is known to have
# had no marks, and the number of the key that says from which version to which it moved (empty: none), for a day.
ANNOUNCE = Script(
    _SHARED,
    """
local ttl, by, ended, seconds, at_time = ARGV[1], ARGV[2], ARGV[3], ARGV[4], now()
local leaving = {[by] = true}
for at = 1, #ended, 8 do leaving[ended:sub(at, at + 7)] = true end
put(KEYS[1], ARGV[5], ttl)
for i = 2, (#ARGV - 2) / 3 do
  local fresh, certain, moved = unpack(ARGV, 3 * i, 3 * i + 2)
  local value = version(redis.pcall('GET', KEYS[i]))
  local kept = marks(value, leaving, at_time)
  if value == '' and certain ~= '1' then kept = mark(NOBODY, seconds, at_time) end
  if by ~= '' then kept = kept .. mark(by, seconds, at_time) end
  if moved ~= '' and #value == 16 then put(KEYS[tonumber(moved)], value .. fresh, 86400000) end
  put(KEYS[i], fresh .. kept, ttl)
end
""",
)

# A lease is given up by who holds it. KEYS: the lease. ARGV: the token, what takes its place (empty: nothing), its ttl.
RELEASE = Script(
    _SHARED,
    """
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else put(KEYS[1], ARGV[2], ARGV[3]) end
""",
)


@lru_cache(100)
def lasting(ttl: float | None) -> bytes:
    """Return a time to live in milliseconds, empty for no limit."""
    return b"" if ttl is None else b"%d" % milliseconds(ttl)


def _seconds(seconds: float) -> bytes:
    return b"%d" % ceil(seconds)


def announce_arguments(
    versions: Mapping[str, bytes], ttl: float, marking: Marking
) -> tuple[bytes, ...]:
    """Return what `ANNOUNCE` is told beside its keys: the versions, that of `*` first, and then the soft ones."""
    star, *others = versions
    moved = {key: b"%d" % number for number, key in enumerate(marking.soft, len(versions) + 1)}
    tags = (
        (versions[key], b"%d" % (key in marking.certain), moved.get(key, b"")) for key in others
    )
    return (
        lasting(ttl),
        marking.by,
        b"".join(marking.ended),
        _seconds(marking.seconds),
        versions[star],
        *chain.from_iterable(tags),
    )


def save_keys(plan: Plan) -> list[str]:
    """Return the keys of `SAVE`."""
    entry = [] if plan.key is None else [plan.key]
    beside = [] if plan.beside is None else [plan.beside[0]]
    lease = [] if plan.lease is None else [plan.lease[0]]
    return [*[tag.key for tag in plan.tags], plan.star, *lease, *entry, *beside]


def save_arguments(plan: Plan) -> tuple[bytes, ...]:
    """Return what `SAVE` is told beside them."""
    _, value, ttl = plan.beside or ("", b"", 0.0)
    likely = (tag.start or tag.fresh for tag in plan.tags)  # what is not so is put right there
    return (
        b"%d" % len(plan.tags),
        b"%d" % (plan.key is not None),
        b"%d" % (plan.beside is not None),
        plan.star_start or b"",
        b"".join((plan.head, *likely, plan.tail)),
        b"%d" % len(plan.head),
        lasting(plan.ttl),
        value,
        lasting(ttl),
        plan.star_fresh,
        lasting(plan.star_ttl),
        b"" if plan.lease is None else plan.lease[1],
        *map(_tag, plan.tags),
    )


def _tag(tag: Watched) -> bytes:
    """Return a tag for the script; a start version that is empty itself equals no version."""
    start = b"" if tag.start is None else tag.start or b"-"
    return TAG.pack(tag.fresh, milliseconds(tag.ttl), ceil(tag.doubt)) + start
