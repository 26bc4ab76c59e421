"""Root paths and renditions of Wagtail."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.images import ImageFile
from django.urls import include, path
from PIL import Image as Picture
from wagtail.images.models import Image, Rendition
from wagtail.models import Collection, Locale, Page, Site
from wagtail.models.sites import SITE_ROOT_PATHS_CACHE_KEY, SITE_ROOT_PATHS_CACHE_VERSION

from tests.lanes import Lane, showing

pytestmark = pytest.mark.django_db(transaction=True)

urls = showing(lambda request: [page.full_url for page in Page.objects.filter(depth=2)])


def mount(lane: Lane) -> None:
    lane.mount(path("page/", lane.page(urls)), path("", include("wagtail.urls")))


@pytest.fixture
def site() -> Site:
    Locale.objects.create(language_code="en")
    root = Page.add_root(title="Root", slug="root")
    home = root.add_child(title="Home", slug="home")
    site: Site = Site.objects.create(hostname="old.test", root_page=home, is_default_site=True)
    return site


def test_page_is_dropped_when_a_site_moves(lane: Lane, site: Site) -> None:
    mount(lane)
    assert [lane.read(), lane.read()] == ["['http://old.test/']"] * 2
    assert lane.see().hit

    site.hostname = "new.test"
    site.save()

    assert [lane.read(), lane.read()] == ["['http://new.test/']"] * 2
    assert lane.see().hit


def test_page_is_right_where_the_cache_holds_old_root_paths(lane: Lane, site: Site) -> None:
    mount(lane)
    Site.get_site_root_paths()
    key = {"key": SITE_ROOT_PATHS_CACHE_KEY, "version": SITE_ROOT_PATHS_CACHE_VERSION}
    old = cache.get(**key)
    site.hostname = "new.test"
    site.save()
    cache.set(**key, value=old)

    assert [lane.read(), lane.read()] == ["['http://new.test/']"] * 2
    assert lane.see().hit


def test_page_with_images_is_kept(lane: Lane, tmp_path: Any) -> None:
    lane.settings.MEDIA_ROOT = str(tmp_path)
    Collection.add_root(name="Root")
    image = Image.objects.create(title="A square", file=square(40), width=40, height=40)
    Rendition.objects.create(
        image=image, filter_spec="width-10", file=square(10), width=10, height=10
    )
    lane.show(
        showing(lambda request: Image.objects.get(pk=image.pk).get_rendition("width-10").width)
    )
    Image.objects.get(pk=image.pk).get_rendition("width-10")

    assert [lane.read(), lane.read()] == ["10", "10"]
    assert lane.see().hit
    Rendition.objects.update(width=11)
    assert lane.read() == "11"


def square(size: int) -> ImageFile:
    file = BytesIO()
    Picture.new("RGB", (size, size)).save(file, "PNG")
    return ImageFile(file, name="square.png")
