"""A request tells what was read of it: by name, as a whole, or not at all."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from operator import mod
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, QueryDict
from django.test import AsyncRequestFactory, RequestFactory

from pagecache.core.reasons import Reason
from pagecache.core.types import COOKIE, HEADER, META, QUERY, QUERY_STRING, Input
from pagecache.recording.mappings import Recorded
from pagecache.recording.recorder import Recorder, quietly
from pagecache.recording.request import keep_plain, record, recorded_class, release

URL = "/page/?a=1&a=2&b=3"
HEADERS = {"Cookie": "c=1; d=2", "X-Mood": "glad", "If-None-Match": '"x"', "User-Agent": "x"}

FACTORIES: dict[str, Any] = {"wsgi": RequestFactory, "asgi": AsyncRequestFactory}


@pytest.fixture(params=FACTORIES)
def request_(request: pytest.FixtureRequest) -> HttpRequest:
    made: HttpRequest = FACTORIES[request.param]().get(URL, headers=HEADERS)
    return made


def read(request: HttpRequest, use: Callable[[Any], Any]) -> set[Any]:
    """Return the inputs, or the reasons, that a use of the request leaves behind."""
    recorder = Recorder()
    record(request, recorder)
    use(request)
    return recorder.inputs | set(recorder.refusals)


def star(**kwargs: Any) -> None:
    """Take what `**` gives."""


Q = {Input(QUERY_STRING)}
A = {Input(QUERY, "a")}
MOOD = {Input(HEADER, "x-mood")}
C = {Input(COOKIE, "c")}

NOTHING: dict[str, Callable[[Any], Any]] = {
    "path": lambda r: (r.path, r.path_info, r.method, r.get_full_path_info),
    "host": lambda r: (r.get_host(), r.scheme, r.is_secure()),
    "keyed": lambda r: r.META.get("SCRIPT_NAME"),
    "conditions": lambda r: (r.headers.get("If-None-Match"), r.META.get("HTTP_IF_NONE_MATCH")),
    "server": lambda r: (r.META.get("wsgi.version"), "wsgi.file_wrapper" in r.META),
    "writing": lambda r: (r.META.__setitem__("x", 1), r.META.update(y=2)),
}
BY_NAME: dict[str, tuple[Callable[[Any], Any], set[Any]]] = {
    "GET[]": (lambda r: r.GET["a"], A),
    "GET.get": (lambda r: r.GET.get("a"), A),
    "GET.get, absent": (lambda r: r.GET.get("z"), {Input(QUERY, "z")}),
    "GET in": (lambda r: "a" in r.GET, A),
    "GET.getlist": (lambda r: r.GET.getlist("a"), A),
    "COOKIES[]": (lambda r: r.COOKIES["c"], C),
    "COOKIES.get": (lambda r: r.COOKIES.get("c"), C),
    "COOKIES in": (lambda r: "c" in r.COOKIES, C),
    "COOKIES.pop": (lambda r: r.COOKIES.pop("c", None), C),
    "signed": (lambda r: r.get_signed_cookie("c", default=None), C),
    "headers[]": (lambda r: r.headers["X-Mood"], MOOD),
    "headers, twice": (lambda r: (r.headers["X-Mood"], r.headers["X-Mood"]), MOOD),
    "headers[_]": (lambda r: r.headers["x_mood"], MOOD),
    "headers.get": (lambda r: r.headers.get("x-mood"), MOOD),
    "headers in": (lambda r: "x-mood" in r.headers, MOOD),
    "META[]": (lambda r: r.META["HTTP_X_MOOD"], MOOD),
    "META.get": (lambda r: r.META.get("HTTP_X_MOOD"), MOOD),
    "META in": (lambda r: "HTTP_X_MOOD" in r.META, MOOD),
    "META %": (lambda r: mod("%(HTTP_X_MOOD)s", r.META), MOOD),
    "format_map": (lambda r: "{HTTP_X_MOOD}".format_map(r.META), MOOD),
    "accepts": (lambda r: r.accepts("text/html"), {Input(HEADER, "accept")}),
    "server": (lambda r: r.META.get("SERVER_NAME"), {Input(META, "SERVER_NAME")}),
    "scheme": (
        lambda r: r.META.get("wsgi.url_scheme"),
        {Input(META, "wsgi.url_scheme")},
    ),
    "raw host": (lambda r: r.META.get("HTTP_HOST"), {Input(META, "HTTP_HOST")}),
}
AS_WHOLE: dict[str, tuple[Callable[[Any], Any], set[Any]]] = {
    "full path": (lambda r: r.get_full_path(), Q),
    "full path info": (lambda r: r.get_full_path_info(), Q),
    "uri": (lambda r: r.build_absolute_uri(), Q),
    "repr": (repr, Q),
    "port": (lambda r: r.get_port(), {Input(META, "SERVER_PORT")}),
    "QUERY_STRING": (lambda r: r.META["QUERY_STRING"], Q),
    **{
        f"GET {name}": (use, Q)
        for name, use in {
            "iter": lambda r: list(r.GET),
            "len": lambda r: len(r.GET),
            "bool": lambda r: bool(r.GET),
            "dict": lambda r: dict(r.GET),
            "**": lambda r: star(**r.GET),
            "items": lambda r: list(r.GET.items()),
            "lists": lambda r: list(r.GET.lists()),
            "copy": lambda r: r.GET.copy(),
            "copy.copy": lambda r: copy.copy(r.GET),
            "deepcopy": lambda r: copy.deepcopy(r.GET),
            "repr": lambda r: repr(r.GET),
            "str": lambda r: str(r.GET),
            "==": lambda r: r.GET == {},
            "!=": lambda r: r.GET != {},
            "|": lambda r: r.GET | {},
            "reversed": lambda r: list(reversed(r.GET)),
            "urlencode": lambda r: r.GET.urlencode(),
            "pickle": lambda r: pickle.dumps(r.GET.copy()),
        }.items()
    },
    **{
        f"COOKIES {name}": (use, {Reason.ALL_COOKIES})
        for name, use in {
            "iter": lambda r: list(r.COOKIES),
            "dict": lambda r: dict(r.COOKIES),
            "**": lambda r: star(**r.COOKIES),
            "values": lambda r: list(r.COOKIES.values()),
            "f-string": lambda r: f"{r.COOKIES}",
            "META": lambda r: r.META["HTTP_COOKIE"],
            "headers": lambda r: r.headers["cookie"],
        }.items()
    },
    **{
        f"META {name}": (use, {Reason.ALL_HEADERS})
        for name, use in {
            "iter": lambda r: list(r.META),
            "dict": lambda r: dict(r.META),
            "keys": lambda r: list(r.META.keys()),
            "copy": lambda r: r.META.copy(),
            "headers": lambda r: list(r.headers),
            "headers items": lambda r: dict(r.headers.items()),
            "headers len": lambda r: len(r.headers),
            "headers repr": lambda r: repr(r.headers),
            "headers ==": lambda r: r.headers == {},
            "headers copy": lambda r: r.headers.copy(),
        }.items()
    },
    "address": (lambda r: r.META.get("REMOTE_ADDR"), {Reason.CLIENT}),
    "csrf": (lambda r: r.META.get("CSRF_COOKIE"), {Reason.CSRF}),
}


@pytest.mark.parametrize("use", NOTHING.values(), ids=NOTHING)
def test_what_is_in_every_key_is_not_recorded(request_: HttpRequest, use: Any) -> None:
    assert read(request_, use) == set()


@pytest.mark.parametrize("use, inputs", BY_NAME.values(), ids=BY_NAME)
def test_what_is_asked_for_by_name_is_recorded(
    request_: HttpRequest, use: Any, inputs: set[Any]
) -> None:
    assert read(request_, use) == inputs


@pytest.mark.parametrize("use, found", AS_WHOLE.values(), ids=AS_WHOLE)
def test_what_is_looked_at_as_a_whole_is_recorded(
    request_: HttpRequest, use: Any, found: set[Any]
) -> None:
    assert read(request_, use) >= found


def test_the_scope_of_an_asgi_request_holds_everything() -> None:
    request: Any = AsyncRequestFactory().get(URL)
    assert read(request, lambda r: r.scope["type"]) == {Reason.ALL_HEADERS}
    request.scope = {"type": "other"}
    assert request.scope == {"type": "other"}


def test_values_are_what_they_were(request_: HttpRequest) -> None:
    request: Any = request_
    record(request, Recorder())
    assert request.GET.getlist("a") == ["1", "2"]
    assert request.GET.dict() == {"a": "2", "b": "3"}
    assert request.COOKIES["c"] == "1"
    assert request.headers["x-mood"] == "glad"
    with pytest.raises(AttributeError, match="immutable"):
        request.GET.clear()
    mutable = request.GET.copy()
    mutable["a"] = "x"
    assert mutable.urlencode() == "a=x&b=3"
    assert isinstance(request.GET, QueryDict)
    assert isinstance(request, HttpRequest)


def test_mappings_can_be_changed_as_before(request_: HttpRequest) -> None:
    request: Any = request_
    record(request, Recorder())
    request.COOKIES["e"] = "5"
    request.COOKIES |= {"f": "6"}
    del request.COOKIES["c"]
    assert request.COOKIES.keys() == {"d", "e", "f"}
    request.GET._mutable = True
    request.GET["a"] = "9"
    request.GET.encoding = "latin-1"
    assert request.GET.urlencode() == "a=9&b=3"
    assert request.GET.fromkeys(["z"]) == {"z": [""]}
    assert request.GET != request.COOKIES
    assert request.COOKIES | request.COOKIES == request.COOKIES


def test_copies_of_mappings_are_plain(request_: HttpRequest) -> None:
    request: Any = request_
    record(request, Recorder())
    for mapping in (request.GET, request.COOKIES, request.headers):
        for made in (copy.copy(mapping), pickle.loads(pickle.dumps(mapping))):  # noqa: S301 our own
            assert made == mapping
            assert not isinstance(made, Recorded)


def test_a_deep_copy_of_a_request_is_recorded_too(request_: HttpRequest) -> None:
    assert read(request_, lambda r: copy.deepcopy(r).COOKIES["c"]) >= {Reason.ALL_HEADERS}
    assert copy.deepcopy(request_).COOKIES["c"] == "1"


def test_a_request_is_pickled_as_the_one_that_it_stands_for(request_: HttpRequest) -> None:
    def use(request: Any) -> None:
        made = pickle.loads(pickle.dumps(request))  # noqa: S301 our own
        assert type(made) is type(plain)
        assert type(made.META) is dict
        assert (made.GET["a"], made.COOKIES["c"]) == ("2", "1")

    plain = copy.copy(request_)
    assert read(request_, use) >= {Reason.ALL_HEADERS}


def test_a_shallow_copy_of_a_request_is_recorded_too(request_: HttpRequest) -> None:
    assert read(request_, lambda r: copy.copy(r).COOKIES["c"]) == C


def test_only_a_wsgi_request_has_an_environment(request_: HttpRequest) -> None:
    is_wsgi = hasattr(request_, "environ")
    record(request_, Recorder())
    assert hasattr(request_, "environ") is is_wsgi


UNDERNEATH: dict[str, Callable[[Any], Any]] = {
    "get": lambda mapping: dict.get(mapping, "c") or dict.get(mapping, "HTTP_X_MOOD"),
    "items": lambda mapping: [text for text in dict.items(mapping) if isinstance(text[0], str)],
    "size": lambda mapping: dict.__len__(mapping) != 1,
}


@pytest.mark.parametrize("use", UNDERNEATH.values(), ids=UNDERNEATH)
@pytest.mark.parametrize("name", ["GET", "COOKIES", "META"])
def test_code_that_reads_the_dict_itself_finds_nothing(
    request_: HttpRequest, name: str, use: Any
) -> None:
    record(request_, Recorder())
    assert not use(getattr(request_, name))


def test_what_stands_in_the_dict_itself_says_what_to_do(request_: HttpRequest) -> None:
    record(request_, Recorder())
    assert "copy" in repr(next(iter(dict.keys(request_.COOKIES))))


def test_what_was_read_before_is_recorded_from_then_on(request_: HttpRequest) -> None:
    kept: Any = request_
    kept.GET, kept.COOKIES, kept.headers  # noqa: B018 they are made now
    assert read(kept, lambda r: (r.GET["a"], r.COOKIES["c"], r.headers["x-mood"])) == A | C | MOOD


TYPES: dict[str, Callable[[Any], Any]] = {
    "accepts": lambda r: r.accepts("text/html"),
    "types": lambda r: r.accepted_types,
    "precedence": lambda r: r.accepted_types_by_precedence,
    "preferred": lambda r: r.get_preferred_type(["text/html", "application/json"]),
}


@pytest.mark.parametrize("use", TYPES.values(), ids=TYPES)
def test_types_that_were_found_out_before_are_read_where_they_are_used(
    request_: HttpRequest, use: Any
) -> None:
    def use_twice(request: Any) -> None:
        with quietly():
            use(request)
        use(request)

    use(request_)
    assert read(request_, use_twice) == {Input(HEADER, "accept")}


def test_accepted_types_can_be_put_in_place(request_: HttpRequest) -> None:
    request: Any = request_
    record(request, Recorder())
    request.accepted_types = []
    assert not request.accepts("text/html")


def test_under_another_encoding_the_query_is_read_as_a_whole(request_: HttpRequest) -> None:
    def use(request: Any) -> None:
        request.encoding = "latin-1"
        assert request.GET["a"] == "2"

    assert read(request_, use) == Q


def test_what_middleware_puts_in_place_is_its_own(request_: HttpRequest) -> None:
    def use(request: Any) -> None:
        request.GET = QueryDict("a=9")
        request.COOKIES = {"c": "9"}
        assert (request.GET["a"], request.COOKIES["c"]) == ("9", "9")

    assert read(request_, use) == set()


def test_headers_put_in_place_are_middlewares_own(request_: HttpRequest) -> None:
    def use(request: Any) -> None:
        request.headers = {"X-Mood": "sad"}
        keep_plain(request)
        assert request.headers["X-Mood"] == "sad"

    assert read(request_, use) == set()


@pytest.mark.parametrize("name", ["COOKIES", "GET", "accepted_types", "auser", "headers", "user"])
def test_what_is_taken_off_is_found_out_anew_or_gone(request_: HttpRequest, name: str) -> None:
    request: Any = request_
    record(request, Recorder())
    request.user, request.auser = AnonymousUser(), None
    for _ in range(2):
        getattr(request, name)
        delattr(request, name)
        with pytest.raises(AttributeError):
            delattr(request, name)
        request.user, request.auser = AnonymousUser(), None


def test_an_environment_put_in_place_is_recorded_too(request_: HttpRequest) -> None:
    def use(request: Any) -> None:
        request.META = {**request.META, "HTTP_X_MOOD": "sad"}
        assert request.META["HTTP_X_MOOD"] == "sad"

    assert read(request_, use) >= MOOD


def test_the_environment_of_a_wsgi_request_is_one() -> None:
    request: Any = RequestFactory().get(URL)
    record(request, Recorder())
    assert request.environ is request.META
    assert isinstance(request.environ["wsgi.input"].read(), bytes)
    assert isinstance(request.body, bytes)


def test_an_asgi_request_has_no_environment_of_wsgi() -> None:
    request: Any = AsyncRequestFactory().get(URL)
    assert read(request, lambda r: hasattr(r, "environ")) == set()
    assert not hasattr(request, "environ")


def test_conditions_are_given_back_for_middleware_outside(request_: HttpRequest) -> None:
    before = dict(request_.META)
    record(request_, Recorder())
    assert "HTTP_IF_NONE_MATCH" not in request_.META
    release(request_, before)
    assert request_.META["HTTP_IF_NONE_MATCH"] == '"x"'
    assert "HTTP_IF_MODIFIED_SINCE" not in request_.META


def test_a_request_that_was_recorded_before_tells_the_new_page_only(request_: HttpRequest) -> None:
    before = Recorder()
    record(request_, before)
    assert read(request_, lambda r: (r.META["HTTP_X_MOOD"], r.headers["x-mood"])) == MOOD
    assert before.inputs == set()


def test_a_request_is_recorded_once(request_: HttpRequest) -> None:
    cls = recorded_class(type(request_))
    assert recorded_class(cls) is cls
    assert recorded_class(type(request_)) is cls
    assert cls.__name__ == type(request_).__name__


def test_a_request_of_a_class_made_in_its_own_way_is_recorded() -> None:
    class Odd(type):
        pass

    class OddRequest(WSGIRequest, metaclass=Odd):
        pass

    request = OddRequest(RequestFactory().get(URL).environ)
    assert read(request, lambda r: r.GET["a"]) == A
    assert type(type(request)) is Odd
