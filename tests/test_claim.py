"""An answer is what its visitor would have got from the view: random sites, views and visitors, the view as judge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from itertools import islice
from types import ModuleType
from typing import Any

import pytest
from django.http import HttpRequest
from django.utils import translation

from pagecache.bridge import filling
from pagecache.bridge import made as responses
from pagecache.bridge.made import Made
from pagecache.bridge.visit import DjangoVisit
from pagecache.core import codings, holes, types
from pagecache.core.reasons import Reason
from pagecache.recording import mappings
from pagecache.recording import request as requests
from pagecache.recording import stock as recorded_stock
from pagecache.recording.attributes import Attribute
from pagecache.recording.mappings import (
    RecordedCookies,
    RecordedHeaders,
    RecordedMeta,
    RecordedQuery,
)
from pagecache.recording.recorder import Recorder, quietly
from pagecache.recording.request import RecordedASGI, RecordedRequest, RecordedWSGI
from tests.claim import sites, visitors
from tests.claim.cases import Case, Cases
from tests.claim.judge import Judge, found, judged, people, report
from tests.claim.reads import BEFORE
from tests.claim.stage import OWN
from tests.claim.surfaces import SURFACES, is_hole
from tests.claim.visitors import Visitor
from tests.lanes import REDIS
from tests.servers import Server

pytestmark = pytest.mark.django_db(transaction=True)

SEED, CASES, FEWER, ENOUGH = 42, 300, 40, 150
SHARED = [name for name, surface in SURFACES.items() if surface.shared]
Patch = Any


@pytest.fixture(autouse=True)
def _people(transactional_db: Any) -> Iterator[None]:
    with people():
        yield


def test_every_answer_is_what_the_view_would_have_answered() -> None:
    seen = report(SEED, CASES)
    print(dict(seen))
    assert found(seen) == []
    assert seen["cases"] == CASES
    assert seen["hits"] > seen["answers"] / 5, "much is served from the store"
    assert not [name for name in SURFACES if not seen[f"drawn: {name}"]], "all is read"
    assert not [name for name in SHARED if not seen[f"shared: {name}"]], "what may be is shared"


def test_every_answer_from_a_server_is_too(redis_server: Server) -> None:
    seen = report(SEED, FEWER, (REDIS,), redis_server.url)
    assert found(seen) == []
    assert seen["hits"] > 20


# Its teeth: with one surface unrecorded, or out of the key, it finds a leak


def ignoring(method: str, what: object) -> Callable[[Patch], None]:
    """Let the recorder not hear of one kind of input, or of one reason."""

    def mutate(patch: Patch) -> None:
        hear = getattr(Recorder, method)

        def deaf(self: Recorder, said: Any, *args: Any) -> None:
            if said != what:
                hear(self, said, *args)

        patch.setattr(Recorder, method, deaf)

    return mutate


def unrecorded(cls: Any, method: str) -> Callable[[Patch], None]:
    """Let one method of a recorded mapping not tell that it was called."""
    return lambda patch: patch.setattr(cls, method, mappings._as_is(method))


def quiet(owner: Any, name: str) -> Callable[[Patch], None]:
    """Let what a function reads count as read by nobody."""

    def mutate(patch: Patch) -> None:
        found = getattr(owner, name)
        read = getattr(found, "func", None) or getattr(found, "fget", None) or found

        @wraps(read)
        def silent(*args: Any, **kwargs: Any) -> Any:
            with quietly():
                return read(*args, **kwargs)

        patch.setattr(owner, name, silent if read is found else property(silent))

    return mutate


def without(*names: str) -> Callable[[Patch], None]:
    """Leave fields out of every key."""
    left_out = set(map(DjangoVisit.FIELDS.index, names))

    def mutate(patch: Patch) -> None:
        fields = DjangoVisit.fields

        def fewer(self: DjangoVisit) -> Any:
            return tuple(field for at, field in enumerate(fields(self)) if at not in left_out)

        patch.setattr(DjangoVisit, "fields", fewer)

    return mutate


def bare_environ(patch: Patch) -> None:
    record = requests.record

    def careless(request: Any, recorder: Any) -> None:
        environ = vars(request).get("environ")
        record(request, recorder)
        if environ is not None:
            vars(request)["environ"] = environ

    patch.delattr(RecordedWSGI, "environ")
    for module in ("pagecache.recording.request", "pagecache.bridge.visit"):
        patch.setattr(f"{module}.record", careless)


def kept_types(patch: Patch) -> None:
    patch.delattr(RecordedRequest, "accepted_types")
    patch.delattr(RecordedRequest, "accepted_types_by_precedence")
    quiet(HttpRequest, "accepted_types")(patch)


def bare_attribute(patch: Patch) -> None:
    def put(self: Attribute, request: HttpRequest, value: Any) -> None:
        request.__dict__[self.name] = value

    patch.setattr(Attribute, "__set__", put)
    patch.setattr(Attribute, "__get__", lambda self, request, owner: vars(request)[self.name])


def keyed_alike(patch: Patch) -> None:
    make = RecordedQuery.__init__
    patch.setattr(
        RecordedQuery, "__init__", lambda self, items, recorder, **_: make(self, items, recorder)
    )


def absent(patch: Patch) -> None:
    patch.setattr(
        "pagecache.bridge.asked._declared",
        lambda value, name, declared, reason: value if name in declared else None,
    )


def constant(name: str, *modules: ModuleType) -> Callable[[Patch], None]:
    """Let what a request is known by be the same for every request."""

    def mutate(patch: Patch) -> None:
        for module in modules:
            patch.setattr(module, name, lambda request: ())

    return mutate


def kept_holes(patch: Patch) -> None:
    make, first = filling.values, dict[str, str]()

    def of_the_first(*args: Any, **kwargs: Any) -> dict[str, str]:
        values = make(*args, **kwargs)
        return {name: first.setdefault(name, value) for name, value in values.items()}

    patch.setattr(filling, "values", of_the_first)


def uncut(name: str) -> Callable[[Patch], None]:
    """Leave in the stored page what it was given for some holes."""
    cut = holes.cut

    def careless(body: bytes, given: Iterable[holes.Given], beside: bytes) -> holes.Cut:
        return cut(body, [one for one in given if one.name != name], beside)

    return lambda patch: patch.setattr(holes, "cut", careless)


def kept_nonces(patch: Patch) -> None:
    """Leave nonces in the stored page, and do not look for any there."""
    uncut(holes.NONCE)(patch)
    patch.setattr(holes, "has_nonce", lambda _body: False)


HOLES = tuple(filter(is_hole, SURFACES))
HEADERS = ("headers by name", "META by name", "environ by name")
Mutant = tuple[Callable[[Patch], None], Callable[[Case], bool]]


def reads(*surfaces: str, uses: tuple[str, ...] = ()) -> Callable[[Case], bool]:
    """Return whether a case reads one of some surfaces, in one of some ways if any are named."""
    return lambda made: any(
        read.surface in surfaces and (not uses or read.use in uses)
        for read in made.site.program.reads
    )


def on_loop(surface: str) -> Callable[[Case], bool]:
    """Return whether a case reads a surface on the event loop."""
    is_read = reads(surface)
    return lambda made: made.site.kind.on_loop and is_read(made)


def rerouted(made: Case) -> bool:
    """Whether another middleware chooses the URLconf before pagecache looks."""
    return made.site.declared and any(name.endswith("Reroutes") for name in made.site.behind)


def changed_ahead(made: Case) -> bool:
    """Whether what the language is found by is written over before anybody finds it."""
    return OWN + "Reads" in made.site.before and any(
        read.surface == "language written over" and read.place == BEFORE
        for read in made.site.program.reads
    )


READS: dict[str, Mutant] = {
    "parameters": (ignoring("read", types.QUERY), reads("GET by name")),
    "query string": (ignoring("read", types.QUERY_STRING), reads("GET as a whole", "query string")),
    "cookies": (ignoring("read", types.COOKIE), reads("COOKIES by name", "signed cookie")),
    "headers": (ignoring("read", types.HEADER), reads(*HEADERS)),
    "server": (ignoring("read", types.META), reads("server")),
    "session": (ignoring("read", types.SESSION), reads("session", "asession")),
    "user": (ignoring("read", types.USER), reads("user")),
    "user on the loop": (ignoring("read", types.USER), reads("auser")),
    "all cookies": (ignoring("refuse_read", Reason.ALL_COOKIES), reads("COOKIES as a whole")),
    "all headers": (
        ignoring("refuse_read", Reason.ALL_HEADERS),
        reads("headers as a whole", "META as a whole"),
    ),
    "client": (ignoring("refuse_read", Reason.CLIENT), reads("client")),
    "secret": (ignoring("refuse_read", Reason.CSRF), reads("secret")),
    "messages": (ignoring("read", types.MESSAGES), reads("messages")),
    "address": (constant("addressed", requests), reads("host written over", "scheme written over")),
    "route": (constant("routed", requests, recorded_stock), changed_ahead),
    "body": (ignoring("refuse", Reason.BODY), reads("body")),
    "scope": (lambda patch: patch.delattr(RecordedASGI, "scope"), on_loop("scope")),
    "environ": (bare_environ, reads("environ by name", "environ as a whole")),
    "attributes": (bare_attribute, reads("session")),
    "encoding": (keyed_alike, reads("encoding")),
    "signed cookie": (quiet(HttpRequest, "get_signed_cookie"), reads("signed cookie")),
    "full path": (quiet(HttpRequest, "get_full_path"), reads("query string")),
    "port": (quiet(HttpRequest, "get_port"), reads("server")),
    "accepts": (kept_types, reads("accepts")),
    "language asked for": (
        quiet(translation, "get_language_from_request"),
        reads("language asked for"),
    ),
    "Vary": (
        lambda patch: patch.setattr(Made, "_varies", lambda self: set()),
        reads("Vary"),
    ),
    "undeclared": (absent, reads("COOKIES by name", *HEADERS)),
    "session changed": (
        lambda patch: patch.setattr(responses, "_used_session", lambda request, covered: False),
        reads("session written"),
    ),
}
GIVEN: dict[str, Mutant] = {
    "hole": (kept_holes, reads(*HOLES)),
    "token": (uncut(holes.CSRF), reads("token")),
    "nonce": (kept_nonces, reads("nonce")),
}
KEYS: dict[str, Mutant] = {
    "scheme": (without("scheme"), reads("scheme")),
    "host": (without("host"), reads("host")),
    "script name": (without("script-name"), on_loop("script name")),
    "full path": (without("full-path"), on_loop("script name")),
    "path": (without("full-path", "path"), reads("path")),
    "segment": (without("segment"), reads("user")),
    "language": (without("language"), reads("language")),
    "time zone": (without("time-zone"), reads("time zone")),
    "URLconf": (without("urlconf"), rerouted),
}
# Each method of a recorded mapping, and the uses that come to it.
METHODS: dict[Any, tuple[tuple[str, ...], dict[str, tuple[str, ...]]]] = {
    RecordedQuery: (
        ("GET by name", "GET as a whole"),
        {
            "__getitem__": ("[]", "%", "format_map", "template"),
            "getlist": ("getlist",),
            "urlencode": ("urlencode", "querystring"),
            "lists": ("lists",),
            "dict": ("QueryDict.dict",),
            "__ror__": ("{} |",),
            "__eq__": ("==",),
            "__reversed__": ("reversed",),
            "__len__": ("len", "bool"),
        },
    ),
    RecordedCookies: (
        ("COOKIES by name", "COOKIES as a whole"),
        {
            "__getitem__": ("[]", "%", "format_map", "template"),
            "pop": ("pop",),
            "setdefault": ("setdefault",),
            "__delitem__": ("del",),
        },
    ),
    RecordedMeta: (
        ("META by name", "META as a whole"),
        {
            "__getitem__": ("[]", "%", "format_map", "template"),
            "pop": ("pop",),
            "setdefault": ("setdefault",),
            "__delitem__": ("del",),
        },
    ),
    RecordedHeaders: (("headers by name", "headers as a whole"), {"__getitem__": ("[]",)}),
}
OF_ALL = {
    "get": ("get", "get or", "another name"), "__contains__": ("in",), "__iter__": ("iter",), "items": ("items",),
    "keys": ("keys", "dict()", "**"),
}  # fmt: skip
UNRECORDED: dict[str, Mutant] = {
    f"{cls.__name__}.{method}": (unrecorded(cls, method), reads(*surfaces, uses=uses))
    for cls, (surfaces, own) in METHODS.items()
    for method, uses in {**own, **OF_ALL}.items()
} | {
    f"{cls.__name__}.{method}": (unrecorded(cls, method), reads(surfaces[1], uses=(use,)))
    for cls, (surfaces, _) in METHODS.items()
    if cls is not RecordedHeaders
    for method, use in {"copy": "copy", "values": "values", "__or__": "| {}"}.items()
}
MUTANTS = READS | {f"key without {name}": made for name, made in KEYS.items()} | UNRECORDED
MUTANTS |= {f"{name} of the first visitor": made for name, made in GIVEN.items()}


ALL = Cases(SEED)


@pytest.mark.parametrize("name", MUTANTS)
def test_teeth_what_is_not_recorded_leaks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only such cases of the search are played as can tell."""
    mutate, is_relevant = MUTANTS[name]
    mutate(monkeypatch)
    relevant = islice(filter(is_relevant, ALL), ENOUGH)
    leaks = (verdict.hit and verdict.wrong for made in relevant for verdict in judged(made))
    assert any(leaks)


def test_every_answer_that_is_compressed_is_too(monkeypatch: pytest.MonkeyPatch) -> None:
    codings_of: list[str | None] = []
    compared, some = Judge._compared, sites._some

    def noting(self: Judge, visitor: Visitor, answer: Any, own: Any, *, hit: bool) -> str:
        codings_of.append(answer.get("Content-Encoding"))
        return compared(self, visitor, answer, own, hit=hit)

    def compressing(dice: Any, of: Any, share: float) -> dict[str, Any]:
        return some(dice, of, share) | ({"COMPRESS": True} if of is sites.PAGES else {})

    monkeypatch.setattr(codings, "LEAST", 1)
    monkeypatch.setattr(Judge, "_compared", noting)
    monkeypatch.setattr(sites, "_some", compressing)
    monkeypatch.setattr(sites, "_surfaces", lambda *_args, **_how: SHARED)
    monkeypatch.setitem(visitors.DIMENSIONS, "header:Accept-Encoding", ("gzip", "br", None))
    monkeypatch.setitem(visitors.ORDINARY, "header:Accept-Encoding", "gzip")

    seen = report(SEED, FEWER)

    assert found(seen) == []
    assert seen["hits"] > seen["answers"] / 5
    assert codings_of.count("gzip") > FEWER / 2
