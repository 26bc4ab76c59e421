"""A visitor of the site: a connection, a cookie jar, and the patience to fill in forms."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from time import perf_counter
from urllib.parse import urlencode, urlsplit

from demo_site.cache_status import Outcome, read_outcome

Fields = list[tuple[str, str]]
REDIRECTS = (301, 302, 303)
CHOICES = ("checkbox", "radio")
FORM = "application/x-www-form-urlencoded"
TOKEN = re.compile(rb'(name="csrfmiddlewaretoken" value=")\w{64}"')
LINE_BREAK = re.compile(r"^\r?\n")


@dataclass(frozen=True, slots=True)
class Visit:
    """What came back, how it came about, and after how many milliseconds."""

    path: str
    status: int
    body: str
    location: str
    outcome: Outcome
    milliseconds: float

    def shows(self, text: str) -> bool:
        """Whether a person would find the text on the page."""
        return text in unescape(self.body)


@dataclass(slots=True)
class Visitor:
    """Somebody with a browser; each one has a connection and cookies of their own."""

    host: str
    port: int
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    connection: HTTPConnection | None = None

    def get(self, path: str) -> Visit:
        """Look at a page."""
        return self.request("GET", path)

    def post(self, path: str, fields: Fields) -> Visit:
        """Send a form."""
        return self.request("POST", path, urlencode(fields))

    def follow(self, visit: Visit) -> Visit:
        """Go where the answer sends a browser."""
        return self.get(visit.location) if visit.status in REDIRECTS else visit

    def submit(self, path: str, **filled: str) -> Visit:
        """Open the page, fill in the form that has these fields, and send it."""
        return self.fill_in(self.get(path), **filled)

    def fill_in(self, page: Visit, **filled: str) -> Visit:
        """Fill in the form of an open page that has these fields, and send it."""
        form = form_with(page.body, set(filled))
        kept = [(name, value) for name, value in form if name not in filled]
        return self.post(page.path, [*kept, *filled.items()])

    def press(self, page: Visit, action: str) -> Visit:
        """Send the form of an open page that leads to an address, as it is."""
        return self.post(action, form_to(page.body, action))

    def request(self, method: str, path: str, body: str | None = None) -> Visit:
        """One exchange, timed from the first byte sent to the last one read."""
        connection = self.connected()
        start = perf_counter()
        connection.request(method, path, body, self.sent_headers(body))
        response = connection.getresponse()
        text = response.read().decode("utf-8", "replace")
        milliseconds = (perf_counter() - start) * 1000
        for line in response.headers.get_all("Set-Cookie", []):
            self.keep_cookies(line)
        outcome = read_outcome(response.headers.get("Cache-Status", ""))
        location = relative(response.headers.get("Location", ""))
        return Visit(path, response.status, text, location, outcome, milliseconds)

    def connected(self) -> HTTPConnection:
        """The visitor's connection, opened at the first request and kept open."""
        if self.connection is None:
            self.connection = HTTPConnection(self.host, self.port, timeout=20)
        return self.connection

    def leave(self) -> None:
        """Close the connection."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def sent_headers(self, body: str | None) -> dict[str, str]:
        """The headers of a request."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = dict(self.headers)
        if cookie:
            sent["Cookie"] = cookie
        if body is not None:
            sent["Content-Type"] = FORM
        return sent

    def keep_cookies(self, line: str) -> None:
        """Put the cookies of a ``Set-Cookie`` line into the jar, or take expired ones out."""
        for name, morsel in SimpleCookie(line).items():
            if morsel["max-age"] == "0" or not morsel.value:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value


def relative(location: str) -> str:
    """An address on this site without its host."""
    parts = urlsplit(location)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def without_tokens(body: bytes) -> bytes:
    """A page without the tokens of its forms, which are new each time."""
    return TOKEN.sub(rb'\1"', body)


def form_with(page: str, names: set[str]) -> Fields:
    """The fields, as a browser would send them, of the form that has all these names."""
    for form in forms_of(page).found:
        if names <= {name for name, _ in form}:
            return form
    raise LookupError(f"no form with {', '.join(sorted(names))}")


def form_to(page: str, action: str) -> Fields:
    """The fields of the form that leads to an address."""
    forms = forms_of(page)
    if action in forms.actions:
        return forms.found[forms.actions.index(action)]
    raise LookupError(f"no form that leads to {action}")


def forms_of(page: str) -> Forms:
    """All forms of a page."""
    forms = Forms()
    forms.feed(page)
    return forms


class Forms(HTMLParser):
    """Collects each form's fields with the values they have, and where it leads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Fields] = []
        self.actions: list[str] = []
        self.select: dict[str, str] = {}
        self.options: list[dict[str, str]] = []
        self.textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note forms and their fields."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append([])
            self.actions.append(given.get("action", ""))
        elif tag == "select":
            self.select, self.options = given, []
        elif tag == "option":
            self.options.append(given)
        elif tag == "textarea":
            self.textarea = given.get("name", "")
            self.add(self.textarea, "")
        elif tag == "input" and is_sent(given):
            is_choice = given.get("type") in CHOICES
            self.add(given.get("name", ""), given.get("value", "on" if is_choice else ""))

    def handle_data(self, data: str) -> None:
        """The text of a text area is its value; the line break after its tag is not."""
        if self.textarea:
            _, before = self.found[-1][-1]
            text = before + data if before else LINE_BREAK.sub("", data, count=1)
            self.found[-1][-1] = (self.textarea, text)

    def handle_endtag(self, tag: str) -> None:
        """A text area or a select ends; only then is it known what the select sends."""
        if tag == "textarea":
            self.textarea = ""
        elif tag == "select":
            for option in sent_options(self.select, self.options):
                self.add(self.select.get("name", ""), option.get("value", ""))

    def add(self, name: str, value: str) -> None:
        """One more field of the current form."""
        if name and self.found:
            self.found[-1].append((name, value))


def sent_options(select: dict[str, str], options: list[dict[str, str]]) -> list[dict[str, str]]:
    """The selected options; with none selected, the first one unless many may be."""
    chosen = [option for option in options if "selected" in option]
    return chosen if chosen or "multiple" in select else options[:1]


def is_sent(given: dict[str, str]) -> bool:
    """Whether a browser would send this input without a click on it."""
    kind = given.get("type", "text")
    return kind not in {"submit", "button", "file"} and (kind not in CHOICES or "checked" in given)
