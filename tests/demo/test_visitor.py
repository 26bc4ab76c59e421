from __future__ import annotations

import pytest

from demo_site.visitor import Visitor, form_to, form_with, relative

PAGE = """
<form><input name="q"></form>
<form method="post">
  <input type="hidden" name="token" value="a&amp;b"><input name="title" value="Old">
  <input type="checkbox" name="on" checked value="1"><input type="checkbox" name="off" value="1">
  <select name="kind" multiple><option value="1" selected>x<option value="2"><option value="3" selected></select>
  <textarea name="note">
Two
lines &amp; more</textarea><input type="submit" name="_save" value="Save">
</form>
"""


def test_a_form_is_sent_as_a_browser_would() -> None:
    assert form_with(PAGE, {"title"}) == [
        ("token", "a&b"),
        ("title", "Old"),
        ("on", "1"),
        ("kind", "1"),
        ("kind", "3"),
        ("note", "Two\nlines & more"),
    ]


def test_a_choice_without_a_value_is_sent_as_on() -> None:
    page = """<form><input type="checkbox" name="a" checked><input type="radio" name="b" value="1">
    <input type="radio" name="b" value="2" checked></form>"""
    assert form_with(page, {"a"}) == [("a", "on"), ("b", "2")]


def test_a_form_that_is_not_there_is_named() -> None:
    with pytest.raises(LookupError, match="no form with missing, title"):
        form_with(PAGE, {"title", "missing"})
    with pytest.raises(LookupError, match="no form that leads to /there/"):
        form_to(PAGE, "/there/")


def test_a_form_is_found_by_where_it_leads() -> None:
    page = """<form><input name="q"></form>
    <form action="/a&amp;b/"><input name="token" value="1"></form>"""
    assert form_to(page, "/a&b/") == [("token", "1")]


def test_an_untouched_select_is_sent_with_its_first_option() -> None:
    page = """<form><select name="a"><option value="1"><option value="2"></select>
    <select name="b"><option value="1"><option value="2" selected></select>
    <select name="c" multiple><option value="1"></select></form>"""
    assert form_with(page, {"a"}) == [("a", "1"), ("b", "2")]


def test_the_jar_keeps_and_drops_cookies() -> None:
    visitor = Visitor("127.0.0.1", 1)
    visitor.keep_cookies("a=1; Path=/; HttpOnly")
    visitor.keep_cookies("b=2; Max-Age=60")
    assert visitor.sent_headers(None) == {"Cookie": "a=1; b=2"}
    visitor.keep_cookies('a=""; Max-Age=0; Path=/')
    assert visitor.cookies == {"b": "2"}


def test_addresses_are_followed_on_this_site_only() -> None:
    assert relative("https://elsewhere.example/a/?b=c#d") == "/a/?b=c"
