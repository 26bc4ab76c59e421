"""After a test that committed nothing of it is left, and what migrations filled is there."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import TransactionTestCase

from tests import emptying
from tests.site.factories import make_article, make_comment, make_tag

pytestmark = pytest.mark.django_db(transaction=True)


class Case(TransactionTestCase):
    """A test that is over; none of its own."""

    __test__ = False

    def runTest(self) -> None:  # noqa: N802 unittest's name
        """Do nothing."""


def over() -> None:
    ended: Any = Case()
    ended._fixture_teardown()


def left() -> set[type[Model]]:
    """Return the models that have rows."""
    every = (model for model in apps.get_models(include_auto_created=True) if model._meta.managed)
    return {model for model in every if model._base_manager.exists()}


def test_nothing_that_a_test_wrote_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    over()  # the tables are known
    monkeypatch.setattr(emptying, "_flush", None)
    article = make_article()
    article.tags.add(make_tag())
    make_comment(article)
    User.objects.create(username="ann").user_permissions.add(Permission.objects.all()[0])
    over()
    assert left() == {ContentType, Permission}


def test_what_migrations_filled_is_filled_again() -> None:
    filled = set(Permission.objects.values_list("codename", flat=True))
    Permission.objects.filter(codename__startswith="add").delete()
    make_article()
    over()
    assert set(Permission.objects.values_list("codename", flat=True)) == filled
    assert left() == {ContentType, Permission}
