"""A storage of messages of the site's own, which looks at the request as it is made."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.contrib.messages.storage.base import BaseStorage, Message
from django.http import HttpRequest, HttpResponse

from tests.lanes import ALL, Lane

pytestmark = pytest.mark.django_db(transaction=True)
LANES = ALL


class Early(BaseStorage):
    """Takes what it shows at once, and shows it each time."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.said = request.COOKIES.get("said")

    def _get(self, *_args: Any, **_kwargs: Any) -> tuple[list[Message], bool]:
        return ([Message(20, self.said)] if self.said else []), True

    def _store(self, *_args: Any, **_kwargs: Any) -> list[Message]:
        return []


def test_what_a_storage_of_the_site_reads_as_it_is_made_is_read(lane: Lane) -> None:
    lane.settings.MESSAGE_STORAGE = f"{__name__}.Early"
    lane.show(lambda request: HttpResponse(str([str(one) for one in get_messages(request)])))

    seen = [lane.read(cookies={"said": name}) for name in ("alice", "bob") * 2]

    assert seen == ["['alice']", "['bob']"] * 2
