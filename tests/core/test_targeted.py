"""Cache-Control fields for some caches alone, as RFC 9213 has them."""

from __future__ import annotations

import pytest

from pagecache.core.freshness import lifetime
from pagecache.core.headers import cache_control
from pagecache.core.targeted import FORBIDDING, governing
from pagecache.core.types import UNSET
from pagecache.structured import dictionary
from tests import http_cases

NOW = 784111777.0


@pytest.mark.parametrize("case", http_cases.TARGETED, ids=http_cases.ids(http_cases.TARGETED))
def test_the_first_valid_targeted_field_governs(case: http_cases.Freshness) -> None:
    headers = {name.lower(): value for name, value in case.at(NOW).items()}
    governed = governing(headers, dictionary)
    said = lifetime(governed, NOW, NOW, stated=(UNSET, UNSET, http_cases.SITE), expires_at=None)
    forbids = not cache_control(governed.get("cache-control", "")).keys().isdisjoint(FORBIDDING)

    assert (0 if forbids else said) == case.life


def test_without_a_parser_only_what_is_forbidden_counts() -> None:
    stated = {"cache-control": "max-age=60"}
    assert governing(stated | {"cdn-cache-control": "max-age=900"}, None)["cache-control"] == (
        "max-age=60"
    )
    forbidden = governing(stated | {"pagecache-cache-control": "no-store"}, None)
    assert forbidden["cache-control"] == "no-store, private, max-age=60"
