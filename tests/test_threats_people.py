"""What one visitor may see is never given to another: numbered cases of identity and private data."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import messages
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import path, re_path
from django.views.decorators.cache import cache_control, never_cache

from pagecache import segment_by
from tests.lanes import ALL, DECORATOR, STOCK, Lane, showing, status, text, through
from tests.lanes_site.middleware import finding_tenants, tenant

pytestmark = pytest.mark.django_db(transaction=True)
LANES = ALL
OWN = "tests.lanes_site.middleware."
STORAGE_NAMES = ["fallback.FallbackStorage", "cookie.CookieStorage", "session.SessionStorage"]

hello = showing(lambda request: "hello")
query = showing(lambda request: sorted(request.GET.items()))


def people(*names: str) -> list[User]:
    return [User.objects.create_user(name) for name in names]


def test_a05_the_user_is_read_in_a_middleware_inside(lane: Lane) -> None:
    lane.configure(AUTHENTICATED="unread")
    lane.middleware_inside(OWN + "names_user")
    lane.show(showing(lambda request: request.named))
    alice, bob = (lane.visitor().log_in(user) for user in people("alice", "bob"))

    seen = [text(who.get()) for who in (alice, bob, lane.visitor()) for _ in range(2)]

    assert seen == ["alice", "alice", "bob", "bob", "", ""]


def test_a05_the_user_is_read_in_a_context_processor(lane: Lane) -> None:
    template = engines["django"].from_string("{{ user.username }}")
    lane.configure(AUTHENTICATED="unread")
    lane.show(lambda request: HttpResponse(template.render({}, request)))
    alice, bob = (lane.visitor().log_in(user) for user in people("alice", "bob"))

    seen = [text(who.get()) for who in (alice, bob, lane.visitor()) for _ in range(2)]

    assert seen == ["alice", "alice", "bob", "bob", "", ""]


def test_a09_a_cookie_of_an_outer_middleware_is_for_its_own_client(lane: Lane) -> None:
    lane.middleware(OWN + "sets_cookie", *STOCK)
    lane.show(hello)

    given = [lane.get().cookies["number"].value for _ in range(3)]

    assert len(set(given)) == 3


def test_a11_a_message_is_seen_once_by_the_one_it_is_for(lane: Lane) -> None:
    template = engines["django"].from_string("{% for m in messages %}{{ m }}{% endfor %}")
    lane.mount(
        path("page/", lane.page(lambda request: HttpResponse(template.render({}, request)))),
        path("say/", _says),
    )
    nobody, alice = lane.visitor(), lane.visitor()
    nobody.get()
    alice.ask("post", "/say/")

    assert text(alice.get()) == "done"
    assert text(alice.get()) == ""
    assert [lane.read(), lane.read()] == ["", ""]


STORAGES = [f"django.contrib.messages.storage.{name}" for name in STORAGE_NAMES]


@pytest.mark.parametrize("mode", ["bypass", "unread"])
@pytest.mark.parametrize("storage", STORAGES)
def test_a11_a_message_waits_for_a_page_that_shows_it(lane: Lane, storage: str, mode: str) -> None:
    template = engines["django"].from_string("{% for m in messages %}{{ m }}{% endfor %}")
    lane.settings.MESSAGE_STORAGE = storage
    lane.configure(AUTHENTICATED=mode)
    lane.mount(
        path("page/", lane.page(lambda request: HttpResponse(template.render({}, request)))),
        path("other/", lane.page(hello)),
        path("say/", _says),
    )
    lane.get("/other/"), lane.get()
    alice = lane.visitor()
    alice.ask("post", "/say/")

    assert [text(alice.get("/other/")) for _ in range(2)] == ["hello", "hello"]
    assert lane.see().hit
    assert [text(alice.get()) for _ in range(2)] == ["done", ""]
    assert [lane.read(), text(alice.get())] == ["", ""]


def test_a11_a_message_that_is_added_and_shown_at_once_is_not_kept(lane: Lane) -> None:
    template = engines["django"].from_string("{% for m in messages %}{{ m }}{% endfor %}")

    def say(request: HttpRequest) -> HttpResponse:
        messages.success(request, uuid4().hex)
        return HttpResponse(template.render({}, request))

    lane.show(say)
    assert len({lane.read() for _ in range(3)}) == 3


def test_a11_a_message_for_the_next_page_is_added_each_time(lane: Lane) -> None:
    def say(request: HttpRequest) -> HttpResponse:
        messages.success(request, "done")
        return HttpResponse("said")

    lane.show(say)
    assert all(lane.get().cookies["messages"].value for _ in range(3))


def _says(request: HttpRequest) -> HttpResponse:
    messages.success(request, "done")
    return HttpResponse()


@pytest.mark.parametrize("view", [LoginView, PasswordResetConfirmView])
def test_a13_views_that_handle_passwords_are_never_stored(lane: Lane, view: Any) -> None:
    class Silent(view):  # type: ignore[misc]
        """Shows neither form nor token, and sends no cookie."""

        def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponse:
            return HttpResponse("a page of a route that is about passwords")

    lane.mount(path("page/", lane.page(Silent.as_view())))

    assert [lane.see().stored, lane.see().hit] == [False, False]
    assert lane.see().reason == "sensitive-view"


def test_a17_a_session_that_ended_opens_no_segment(lane: Lane) -> None:
    lane.configure(AUTHENTICATED="segment", SEGMENT="pagecache.segments.by_user")
    lane.show(showing(lambda request: request.user.get_username() or "nobody"))
    (user,) = people("alice")
    alice = lane.visitor().log_in(user)
    assert [text(alice.get()) for _ in range(2)] == ["alice", "alice"]

    user.set_password("another")
    user.save()
    assert text(alice.get()) == "nobody"

    again = lane.visitor().log_in(user)
    assert text(again.get()) == "alice"
    User.objects.update(is_active=False)
    assert text(again.get()) == "nobody"


def test_a19_a_client_does_not_choose_its_segment(lane: Lane) -> None:
    lane.configure(AUTHENTICATED="segment", SEGMENT="pagecache.segments.by_user")
    lane.show(showing(lambda request: request.user.get_username() or "nobody"))
    (user,) = people("alice")
    alice = lane.visitor().log_in(user)
    assert [text(alice.get()) for _ in range(2)] == ["alice", "alice"]

    for name in ("X-Segment", "X-Magento-Vary", "X-User", "Pagecache-Segment"):
        forged = {name: str(user.pk)}
        assert lane.read(headers=forged, cookies={"segment": str(user.pk), "user": "alice"}) == (
            "nobody"
        )


SEGMENTS: dict[str, tuple[Any, Any]] = {
    "text and number": ("1", 1),
    "empty and false": ("", False),
    "true and one": (True, 1),
    "delimiters": ("a:b", "a"),
    "very long": ("x" * 100_000 + "1", "x" * 100_000 + "2"),
    "control characters": ("a\n", "a\r"),
}


@pytest.mark.parametrize("name", SEGMENTS)
def test_a21_two_segments_never_meet(lane: Lane, name: str) -> None:
    def segment(request: HttpRequest) -> Any:
        return SEGMENTS[name]["second" in request.META.get("HTTP_X_SIDE", "")]

    lane.show(hello, segment_by(segment))
    for side in ("first", "second"):
        assert [lane.see(headers={"X-Side": side}).hit for _ in range(2)] == [False, True]
    assert lane.renders == 2


def test_a23_what_authorization_was_shown_is_shown_to_nobody_else(lane: Lane) -> None:
    lane.show(hello)

    answers = [lane.get(headers={"Authorization": "Bearer a"}) for _ in range(2)]

    assert [status(answer).reason for answer in answers] == ["authorization"] * 2
    assert not lane.see().hit


CREDENTIALS: dict[str, tuple[Callable[[Any], Any], dict[str, Any]]] = {
    "X-API-Key": (lambda r: r.headers.get("X-API-Key"), {"headers": {"X-API-Key": "secret"}}),
    "token": (lambda r: r.GET.get("token"), {"path": "/page/?token=secret"}),
    "signature": (lambda r: r.GET.get("Signature"), {"path": "/page/?Signature=secret"}),
    "certificate": (
        lambda r: r.META.get("HTTP_X_CLIENT_CERT"),
        {"headers": {"X-Client-Cert": "secret"}},
    ),
}


@pytest.mark.parametrize("name", CREDENTIALS)
def test_a25_credentials_elsewhere_are_never_in_a_key(lane: Lane, name: str) -> None:
    read, asked = CREDENTIALS[name]
    lane.show(showing(read))

    answers = [lane.visitor().get(**{"path": "/page/", **asked}) for _ in range(2)]

    assert [text(answer) for answer in answers] == ["secret"] * 2
    assert not any(status(answer).stored or status(answer).hit for answer in answers)
    assert lane.read() == "None"


@pytest.mark.parametrize(
    "decorate", [never_cache, cache_control(private=True), cache_control(no_store=True)]
)
@pytest.mark.parametrize("where", ["inside", "outside"])
def test_a27_what_the_view_forbids_is_not_stored(lane: Lane, decorate: Any, where: str) -> None:
    inside, outside = ((decorate,), ()) if where == "inside" else ((), (decorate,))
    lane.mount(path("page/", lane.page(hello, *inside, outside=outside)))

    for _ in range(3):
        lane.get()

    assert lane.renders == 3


def test_a31_it_is_decided_after_a_late_template_was_rendered(lane: Lane) -> None:
    template = engines["django"].from_string("{{ request.session.name }}")
    lane.configure(AUTHENTICATED="unread")
    lane.show(lambda request: TemplateResponse(request, template))
    alice, bob = (lane.visitor().log_in(user) for user in people("alice", "bob"))
    for visitor, name in ((alice, "alice"), (bob, "bob")):
        session = visitor.client.session
        session["name"] = name
        session.save()

    assert [text(who.get()) for who in (alice, bob, alice, lane.visitor())] == [
        "alice",
        "bob",
        "alice",
        "",
    ]


SESSIONS: dict[str, Callable[[Any], Any]] = {
    "set": lambda r: r.session.__setitem__("cart", uuid4().hex) or r.session["cart"],
    "setdefault": lambda r: r.session.setdefault("cart", uuid4().hex),
    "create": lambda r: r.session.create() or r.session.session_key,
    "save": lambda r: r.session.save() or r.session.session_key,
    "cycle": lambda r: r.session.cycle_key() or r.session.session_key,
    "in a template": lambda r: (
        r.session.update({"cart": uuid4().hex})
        or engines["django"].from_string("{{ request.session.cart }}").render({}, r)
    ),
}


@pytest.mark.parametrize("name", SESSIONS)
def test_a01_a_session_that_begins_with_a_page_makes_no_page_for_others(
    lane: Lane, name: str
) -> None:
    lane.show(showing(SESSIONS[name]))
    assert len({lane.read() for _ in range(3)}) == 3


@through(*DECORATOR)
def test_a31_a_late_session_of_the_view_makes_no_page_for_others(lane: Lane) -> None:
    """A visitor without a session gets one while the template is rendered."""

    def late(request: HttpRequest) -> Any:
        template = engines["django"].from_string("{{ request.session.number }}")
        response = TemplateResponse(request, template)
        request.session.setdefault("number", uuid4().hex)
        return response

    lane.show(late)
    one = lane.visitor()
    assert text(one.get()) == text(one.get())
    assert lane.read() != text(one.get())


@through(*(kind for kind in ALL if not kind.on_loop))
def test_a33_who_waits_for_the_same_page_gets_a_page_of_their_own(lane: Lane) -> None:
    """Two visitors without anything stored yet: the page turns out to be private."""
    both_are_in = Barrier(2, timeout=10)

    def view(request: HttpRequest) -> HttpResponse:
        both_are_in.wait()
        made = HttpResponse(request.GET["who"] + request.COOKIES["name"])
        made["Cache-Control"] = "private"
        return made

    lane.show(view)
    visitors = {name: lane.visitor(name=name) for name in ("alice", "bob")}
    with ThreadPoolExecutor(2) as threads:
        asked = [threads.submit(one.get, "/page/?who=") for one in visitors.values()]
        seen = [text(answer.result()) for answer in asked]
    assert seen == ["alice", "bob"]


TENANTS: dict[str, tuple[Callable[[Any], Any], dict[str, Any], dict[str, Any]]] = {
    "host": (
        lambda r: r.get_host().partition(".")[0],
        {"headers": {"Host": "one.example"}},
        {"headers": {"Host": "two.example"}},
    ),
    "path": (
        lambda r: r.path.split("/")[2],
        {"path": "/page/one/"},
        {"path": "/page/two/"},
    ),
    "header": (
        lambda r: r.headers["X-Tenant"],
        {"headers": {"X-Tenant": "one"}},
        {"headers": {"X-Tenant": "two"}},
    ),
    "cookie": (
        lambda r: r.COOKIES["tenant"],
        {"cookies": {"tenant": "one"}},
        {"cookies": {"tenant": "two"}},
    ),
}


@pytest.mark.parametrize("name", TENANTS)
def test_a35_tenants_do_not_share_pages(lane: Lane, name: str) -> None:
    """Middleware finds the tenant, and what reads the data looks at a variable of the context."""
    find, one, two = TENANTS[name]
    with finding_tenants(find):
        lane.middleware_inside(OWN + "sets_tenant")
        lane.mount(re_path("^page/", lane.page(showing(lambda request: tenant.get()))))
        for _ in range(2):
            assert lane.read(**{"path": "/page/x/", **one}) == "one"
            assert lane.read(**{"path": "/page/x/", **two}) == "two"
        hit = lane.see(**{"path": "/page/x/", **one}).hit
        is_inside = not lane.kind.decorated and not lane.kind.last
        assert hit is (is_inside and name in {"host", "path"})
