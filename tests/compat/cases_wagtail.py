"""A site of Wagtail: its pages, its editors and their previews."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from wagtail.images.models import Image
from wagtail.models import Collection, Locale, Page, PageViewRestriction
from wagtail.models import Site as Home

from demo_site.visitor import form_with
from tests.compat.crawl import Site, submit
from tests.compat.wagtail_site.models import ArticlePage, Field, FormPage, HomePage, Notice
from tests.lanes import MIDDLEWARE, REDIS, text
from tests.packages.cases_wagtail import square

LANES, ON = MIDDLEWARE, (REDIS,)
SESSION = re.compile(r"/admin/editing-sessions/[\w/]+")  # each visit of an editor begins one
KEY = re.compile(r"&quot;key&quot;: &quot;\w+&quot;")  # of a block of text, made up for each form
PATHS = ["/", "/one/", "/two/", "/search/", "/search/?query=text"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Make the search index, which only a migration can."""
    made = import_module("wagtail.search.migrations.0006_customise_indexentry").Migration.operations
    with django_db_blocker.unblock(), connection.schema_editor() as editor:
        editor.execute("DROP TABLE wagtailsearch_indexentry_fts")
        for operation in made[-1].database_operations:
            operation.database_forwards("wagtailsearch", editor, None, None)


@pytest.fixture(autouse=True)
def home() -> Page:
    """What a site has once it is installed, and two articles."""
    Locale.objects.create(language_code="en")
    Collection.add_root(name="Root")
    root = Page.add_root(title="Root", slug="root")
    home: Page = root.add_child(instance=HomePage(title="Home", slug="home"))
    Home.objects.create(hostname="testserver", root_page=home, is_default_site=True)
    for slug in ("one", "two"):
        article = ArticlePage(title=f"Article {slug}", slug=slug, body=f"<p>A text {slug}</p>")
        home.add_child(instance=article)
    Notice.objects.create(text="Read this")
    return home


@pytest.fixture
def one(home: Page) -> Any:
    return ArticlePage.objects.get(slug="one")


@pytest.fixture
def form(home: Page) -> Page:
    page: Page = home.add_child(instance=FormPage(title="Ask us", slug="ask"))
    Field.objects.create(page=page, label="Question", field_type="singleline")
    return page


@pytest.mark.usefixtures("form")
def test_pages_are_the_same_for_everybody(site: Site, alice: User, editor: User) -> None:
    site.varying += [SESSION, KEY]
    said = site.crawled_by(alice)
    assert all(page.hit for page in said.values())
    assert set(said) == {*PATHS[:-1], "/ask/"}
    twins = site.twins(editor)
    assert len(twins.crawl(depth=2) | twins.crawl("/admin/", depth=2)) > 10


def keep(site: Site, *paths: str) -> None:
    """Let these pages be kept."""
    for path in paths:
        assert site.twins().get(path)[0].hit


def shown(site: Site, path: str) -> str:
    """Return what an anonymous visitor is shown, which is what is there."""
    return text(site.twins().get(path)[1])


def edit(site: Site, editor: User, page: Page, **filled: str) -> HttpResponse:
    answer = submit(site.visitor(editor), f"/admin/pages/{page.pk}/edit/", **filled)
    assert answer.status_code == 302, text(answer)
    return answer


def test_what_is_published_shows_at_once(site: Site, editor: User, one: Any) -> None:
    keep(site, *PATHS)
    edit(site, editor, one, title="A draft")
    assert not any("A draft" in shown(site, path) for path in PATHS)
    edit(site, editor, one, title="Published", button="action-publish")
    assert "Published" in shown(site, "/")
    assert "<h1>Published</h1>" in shown(site, "/one/")
    assert "Published" in shown(site, "/search/?query=published")


def test_new_page_shows_at_once(site: Site, editor: User, home: Page) -> None:
    keep(site, *PATHS)
    assert site.visitor().get("/three/").status_code == 404
    add = f"/admin/pages/add/wagtail_site/articlepage/{home.pk}/"
    filled = {"title": "Article three", "slug": "three"}
    assert submit(site.visitor(editor), add, "action-publish", **filled).status_code == 302
    assert "/three/" in shown(site, "/")
    assert "<h1>Article three</h1>" in shown(site, "/three/")


@pytest.mark.parametrize("to", ["unpublish", "delete"])
def test_page_that_is_taken_down_is_gone_at_once(
    site: Site, editor: User, one: Any, to: str
) -> None:
    keep(site, *PATHS)
    assert submit(site.visitor(editor), f"/admin/pages/{one.pk}/{to}/").status_code == 302
    assert site.twins().get("/one/")[1].status_code == 404
    assert "/one/" not in shown(site, "/")
    assert "/one/" not in shown(site, "/search/?query=text")


def test_moved_site_shows_at_once(site: Site, editor: User) -> None:
    keep(site, *PATHS)
    pk = Home.objects.get().pk
    submit(
        site.visitor(editor), f"/admin/sites/edit/{pk}/", hostname="moved.test", site_name="Moved"
    )
    assert "Moved" in shown(site, "/two/")
    assert "http://moved.test/" in shown(site, "/one/")


def test_redirect_works_at_once(site: Site, editor: User) -> None:
    site.lane.configure(STATUSES=[200, 301, 404])
    keep(site, "/old/")
    filled = {"old_path": "/old/", "redirect_link": "https://example.com/new/"}
    assert submit(site.visitor(editor), "/admin/redirects/add/", **filled).status_code == 302
    said, answer = site.twins().get("/old/")
    assert (said.hit, answer["Location"]) == (True, "https://example.com/new/")


def test_snippet_shows_at_once(site: Site, editor: User) -> None:
    keep(site, *PATHS)
    pk = Notice.objects.get().pk
    path = f"/admin/snippets/wagtail_site/notice/edit/{pk}/"
    assert submit(site.visitor(editor), path, text="Or that").status_code == 302
    assert all("Or that" in shown(site, path) for path in PATHS)


@pytest.mark.parametrize("kind", ["login", "password"])
def test_page_that_is_restricted_is_private_at_once(
    site: Site, alice: User, one: Any, kind: str
) -> None:
    keep(site, *PATHS)
    PageViewRestriction.objects.create(page=one, restriction_type=kind, password="open")
    assert "/one/" not in shown(site, "/")
    for user in (None, alice, None):
        _, answer = site.twins(user).get("/one/")
        assert ("A text" in text(answer)) is (kind == "login" and user is alice)


def test_who_knows_the_password_is_let_in(site: Site, one: Any) -> None:
    PageViewRestriction.objects.create(page=one, restriction_type="password", password="open")
    visitor = site.visitor()
    asked = text(visitor.get("/one/"))
    where = asked.partition('action="')[2].partition('"')[0]
    visitor.ask("post", where, data=dict(form_with(asked, {"password"})) | {"password": "open"})
    assert "A text" in text(visitor.get("/one/"))
    assert "A text" not in shown(site, "/one/")


def test_form_can_be_sent_by_everybody(site: Site, form: Page, alice: User) -> None:
    for user in (None, None, alice):
        visitor = site.visitor(user)
        visitor.client.handler.enforce_csrf_checks = True
        site.twins().get("/ask/")
        assert "Thank you" in text(submit(visitor, "/ask/", question="Why?"))
        site.twins().get("/ask/")
    assert form.formsubmission_set.count() == 3


def test_editor_alone_has_the_bar(site: Site, alice: User, editor: User) -> None:
    for user in (None, editor, alice, editor, None):
        _, answer = site.twins(user).get("/")
        assert ("wagtail-userbar" in text(answer)) is (user is editor)


@pytest.mark.parametrize("authenticated", ["bypass", "unread"])
def test_editor_is_shown_the_draft(site: Site, editor: User, one: Any, authenticated: str) -> None:
    site.lane.configure(AUTHENTICATED=authenticated)
    keep(site, *PATHS)
    edit(site, editor, one, title="A draft")
    _, answer = site.twins(editor).get(f"/admin/pages/{one.pk}/view_draft/")
    assert "<h1>A draft</h1>" in text(answer)
    visitor = site.visitor(editor)
    preview = f"/admin/pages/{one.pk}/edit/preview/"
    form = dict(form_with(text(visitor.get(f"/admin/pages/{one.pk}/edit/")), {"title"}))
    visitor.ask("post", preview, data=form | {"title": "In the panel"})
    assert "<h1>In the panel</h1>" in text(visitor.get(f"{preview}?in_preview_panel=true"))
    assert "<h1>Article one</h1>" in shown(site, "/one/")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # files of Wagtail
def test_picture_shows_at_once(site: Site, editor: User, one: Any, tmp_path: Any) -> None:
    site.lane.settings.MEDIA_ROOT = str(tmp_path)
    keep(site, *PATHS)
    one.picture = Image.objects.create(title="A square", file=square(40), width=40, height=40)
    one.save_revision().publish()
    assert 'alt="A square"' in shown(site, "/one/")
    keep(site, *PATHS)
    path = f"/admin/images/{one.picture.pk}/"
    assert submit(site.visitor(editor), path, title="A picture").status_code == 302
    assert 'alt="A picture"' in shown(site, "/one/")


def test_login_works_from_a_page_that_others_saw(site: Site, editor: User) -> None:
    for _ in range(2):
        site.twins().get("/admin/login/")
    visitor = site.visitor()
    visitor.client.handler.enforce_csrf_checks = True
    filled = {"username": "editor", "password": "secret of editor"}
    assert submit(visitor, "/admin/login/", **filled).status_code == 302
    assert "wagtail-userbar" in text(visitor.get("/"))
    assert "wagtail-userbar" not in shown(site, "/")
