"""Random views: what they read, in which form they answer, and what stands around them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.utils.functional import SimpleLazyObject
from django.views import View
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.csrf import csrf_exempt, ensure_csrf_cookie
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import conditional_page
from django.views.decorators.vary import vary_on_cookie, vary_on_headers

from tests.claim.reads import (
    BEFORE,
    FROM_LOOP,
    INSIDE,
    LATE,
    LAZY,
    VIEW,
    VIEW_ON_LOOP,
    Read,
    read_of,
    text_of,
    text_soon,
)
from tests.claim.surfaces import SURFACES, is_hole

ON_LOOP = ("coroutine", "class of coroutines")
TEMPLATES = ("template", "late template")
FORMS = (*("function", "class", *ON_LOOP, *TEMPLATES) * 4, "stream")
STATUSES = (200,) * 20 + (404, 301, 500)
WITH_ENCODINGS = ("headers as a whole", "META as a whole", "environ as a whole")
DECORATORS: dict[str, Callable[[Any], Any]] = {
    "vary_on_cookie": vary_on_cookie,
    "vary_on_headers": vary_on_headers("X-Fruit", "accept"),
    "ensure_csrf_cookie": ensure_csrf_cookie,
    "csrf_exempt": csrf_exempt,
    "public": cache_control(public=True, max_age=60),
    "private": cache_control(private=True),
    "never_cache": never_cache,
    "gzip_page": gzip_page,
    "conditional_page": conditional_page,
}


@dataclass(frozen=True)
class Program:
    """A view."""

    form: str
    reads: tuple[Read, ...]
    vary: tuple[str, ...] = ()
    status: int = 200
    large: bool = False  # whether it is worth compressing
    decorated: str = ""

    def __str__(self) -> str:
        more = f"status {self.status}, Vary {self.vary}{', large' * self.large} {self.decorated}"
        return "\n".join([f"{self.form}, {more}", *(f"  {read}" for read in self.reads)])

    @property
    def about(self) -> dict[str, tuple[Any, ...]]:
        """The dimensions in which visitors may differ for it, with the values that matter."""
        return {prefix: values for read in self.reads for prefix, values in read.about.items()}

    @property
    def shows_what_it_hides(self) -> bool:
        """Whether it may look at all headers when a hole has taken one off, so that nothing compresses the page."""
        has_hole = self.decorated == "ensure_csrf_cookie" or any(
            SURFACES[read.surface].own for read in self.reads
        )
        return has_hole and any(read.surface in WITH_ENCODINGS for read in self.reads)

    @property
    def needs_loop(self) -> bool:
        """Whether it reads what only a coroutine can."""
        return any(read.via in FROM_LOOP or SURFACES[read.surface].on_loop for read in self.reads)

    @property
    def is_read_inside(self) -> bool:
        """Whether middleware reads too."""
        return any(read.place in INSIDE for read in self.reads)

    def _due(self, request: Any, place: str) -> Iterator[Read]:
        for read in self.reads:
            if read.place == place and (read.when is None or read.when.holds(shown(request))):
                yield read

    def perform(self, request: Any, place: str) -> None:
        """Read what is to be read in a place."""
        for read in self._due(request, place):
            shown(request)[read.number] = text_of(lambda read=read: read.found(request))  # type: ignore[misc]

    async def aperform(self, request: Any, place: str) -> None:
        """Read the same on the event loop."""
        for read in self._due(request, place):
            soon = text_soon(lambda read=read: read.found(request))  # type: ignore[misc]
            shown(request)[read.number] = await soon

    def leave(self, request: Any) -> None:
        """Leave on the request what reads it once somebody looks."""
        for read in self._due(request, LAZY):
            kept: dict[int, Any] = vars(request).setdefault("lazily", {})
            kept[read.number] = SimpleLazyObject(
                lambda read=read: text_of(lambda: read.found(request))  # type: ignore[misc]
            )

    def view(self) -> Any:
        """Return the view."""
        program = self

        def function(request: HttpRequest, **kwargs: Any) -> Any:
            program.perform(request, VIEW)
            return program.answer(request)

        async def coroutine(request: HttpRequest, **kwargs: Any) -> Any:
            await program.aperform(request, VIEW)
            return program.answer(request)

        class Class(View):
            def get(self, request: HttpRequest, **kwargs: Any) -> Any:
                return function(request)

            post = get

        class Coroutines(View):
            async def get(self, request: HttpRequest, **kwargs: Any) -> Any:
                return await coroutine(request)

            async def post(self, request: HttpRequest, **kwargs: Any) -> Any:
                return await coroutine(request)

        forms: dict[str, Any] = {
            "coroutine": coroutine,
            "class": Class.as_view(),
            "class of coroutines": Coroutines.as_view(),
        }
        view = forms.get(self.form, function)
        return DECORATORS[self.decorated](view) if self.decorated else view

    def answer(self, request: Any) -> Any:
        """Return a response that shows what was read."""
        response = self._response(Text(self, request), request)
        response.status_code = self.status
        if self.vary:
            response["Vary"] = ", ".join(self.vary)
        return response

    def _response(self, text: Text, request: Any) -> Any:
        template: Any = Source()
        match self.form:
            case "late template":
                return TemplateResponse(request, template, {"text": text})
            case "template":
                return HttpResponse(template.render({"text": text}, request))
            case "stream":
                return StreamingHttpResponse(iter([str(text)]))
        return HttpResponse(str(text))


class Source:
    """The template of every page."""

    def render(self, context: dict[str, Any], request: Any) -> str:
        return str(engines["django"].from_string("{{ text|safe }}").render(context, request))


class Text:
    """The body: what is to be read while a template is rendered is read when it is printed."""

    def __init__(self, program: Program, request: Any) -> None:
        self._program, self._request = program, request

    def __str__(self) -> str:
        self._program.perform(self._request, LATE)
        for number, lazy in vars(self._request).get("lazily", {}).items():
            shown(self._request)[number] = str(lazy)
        lines = [f"{number}: {text}" for number, text in sorted(shown(self._request).items())]
        return "\n".join(lines) + " " * 300 * self._program.large


def shown(request: Any) -> dict[int, str]:
    """Return what was read for a request so far."""
    found: dict[int, str] = vars(request).setdefault("shown", {})
    return found


def programmed(dice: random.Random, surfaces: list[str], *, inside: bool) -> Program:
    """Return a random program over some surfaces; `inside` says whether middleware may read too."""
    shared = [name for name in surfaces if SURFACES[name].shared]
    unshared = [name for name in surfaces if name not in shared]
    # Most are about what may be shared.
    surfaces = shared if dice.random() < 0.7 else surfaces + unshared * 2
    drawn = [dice.choice(surfaces) for _ in range(dice.choice([1, 1, 2, 2, 3, 4]))]
    to_await = any(SURFACES[name].on_loop for name in drawn)
    form = dice.choice(ON_LOOP if to_await else FORMS)
    reads: list[Read] = []
    for name in drawn:
        reads.append(read_of(dice, name, reads, _places(name, form, inside=inside)))
    vary = {read.name for read in reads if read.surface == "Vary"}
    if dice.random() < 0.1:
        vary.add(dice.choice(["X-Fruit", "Accept-Language", "Cookie", "Accept-Encoding"]))
    return Program(
        form=form,
        reads=tuple(reads),
        vary=tuple(sorted(vary)),
        status=dice.choice(STATUSES),
        large=dice.random() < 0.2 or any(map(is_hole, drawn)),  # marks make it longer, and worth it
        decorated=dice.choice(list(DECORATORS)) if dice.random() < 0.15 else "",
    )


def _places(name: str, form: str, *, inside: bool) -> list[str]:
    """Return where a surface may be read."""
    if SURFACES[name].on_loop:
        return [VIEW]
    places = [VIEW_ON_LOOP if form in ON_LOOP else VIEW] * 4
    places += [LATE] * 3 * (form in TEMPLATES)
    places += [*INSIDE] * (inside and not is_hole(name))  # a hole is in a page
    return places + [BEFORE] * 9 * (inside and "written over" in name)
